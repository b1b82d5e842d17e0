"""What a new instance is told for its first start: a document for cloud-init."""

from __future__ import annotations

import yaml

from skyflow.clouds.base import MachineKeys

USER = "ubuntu"
"""Who logs in, whatever the image's own user is."""

# Before users are made: the user is in images of Canonical's kind only from the first start on, and
# is then made with the group.
_JOIN_DOCKER = (
    f"if id {USER} && getent group docker; then usermod --append --groups docker {USER}; fi"
)


def user_data(keys: MachineKeys) -> str:
    """Return the document: the host key to have, who may log in, and that he may use Docker.

    The keys are in place before the SSH server starts. The same keys make the same text, as the
    idempotency of RunInstances demands.
    """
    kind = keys.host_public_key.split()[0].removeprefix("ssh-")
    document = {
        "ssh_deletekeys": True,
        "ssh_keys": {
            f"{kind}_private": keys.host_private_key,
            f"{kind}_public": keys.host_public_key,
        },
        "disable_root": True,
        "ssh_pwauth": False,
        "users": [
            {
                "name": USER,
                "groups": ["docker"],
                "lock_passwd": True,
                "shell": "/bin/bash",
                "ssh_authorized_keys": [keys.authorized_key],
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
            }
        ],
        "bootcmd": [["sh", "-c", _JOIN_DOCKER]],
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False, width=1000)
