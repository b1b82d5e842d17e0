"""What cloud-init makes of an instance's user-data, as far as it concerns who may log in.

See the module reference of cloud-init: SSH, SSH authorized keys, users and groups.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import asyncssh
import yaml

LARGEST = 16 * 1024
"""Most bytes of user-data that EC2 takes, before it is encoded."""

_HEAD = "#cloud-config"
_KNOWN = {"bootcmd", "disable_root", "ssh_deletekeys", "ssh_keys", "ssh_pwauth", "users"}
"""Keys of a document. Commands are not run: machines of the bench share the computer's files."""
_KNOWN_OF_USER = {"groups", "lock_passwd", "name", "shell", "ssh_authorized_keys", "sudo"}


class Unusable(Exception):
    """User-data that cloud-init would not carry out, or that this one does not know."""


@dataclass(frozen=True)
class Login:
    """How a machine is to be logged into."""

    user: str
    host_private_key: str
    authorized_keys: tuple[str, ...]


def read_login(encoded: str) -> Login:
    """Read who may log in from the user-data of RunInstances.

    Raises:
        Unusable: The machine would have no login, or another host key than it was given.

    """
    config = _config(encoded)
    _refuse_strangers(config, _KNOWN)
    users = config.get("users")
    if not isinstance(users, list) or len(users) != 1 or not isinstance(users[0], dict):
        raise Unusable("users must be a list of one user")
    [user] = users
    _refuse_strangers(user, _KNOWN_OF_USER)
    authorized = user.get("ssh_authorized_keys")
    if not isinstance(user.get("name"), str) or not _are_texts(authorized):
        raise Unusable("the user needs a name and a list ssh_authorized_keys")
    return Login(user["name"], _host_key(config.get("ssh_keys")), tuple(authorized))


def _refuse_strangers(mapping: dict[str, Any], known: set[str]) -> None:
    if strangers := sorted(mapping.keys() - known):
        raise Unusable(f"keys that this cloud-init does not know: {', '.join(strangers)}")


def _host_key(keys: object) -> str:
    parts = ("ed25519_private", "ed25519_public")
    if not isinstance(keys, dict) or not _are_texts([keys.get(part) for part in parts]):
        raise Unusable(f"ssh_keys needs {' and '.join(parts)}")
    private: str = keys[parts[0]]
    public: str = keys[parts[1]]
    if (
        asyncssh.import_private_key(private).public_data
        != asyncssh.import_public_key(public).public_data
    ):
        raise Unusable("the two keys of the host are not a pair")
    return private


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _config(encoded: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise Unusable(f"not in base64: {error}") from error
    if len(text) > LARGEST:
        raise Unusable(f"more than {LARGEST} bytes")
    head, _, rest = text.decode().partition("\n")
    if head.strip() != _HEAD:
        raise Unusable(f"begins with {head[:40]!r}, not with {_HEAD}")
    try:
        config = yaml.safe_load(rest)
    except yaml.YAMLError as error:
        raise Unusable(f"not YAML: {error}") from error
    if not isinstance(config, dict):
        raise Unusable("not a mapping")
    return config
