"""Private SSH keys as text, the same text for the same key.

The libraries put a random number into each export. A request to a cloud that is repeated after a
lost answer must be the same to the byte, or the cloud refuses it as another request.
"""

from __future__ import annotations

import base64
import textwrap
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ALGORITHM = b"ssh-ed25519"
_BLOCK_BYTES = 8
"""What the private part is padded to a multiple of when it is not encrypted."""


def private_key_text(seed: bytes) -> str:
    """Return the ed25519 key of a 32-byte seed in OpenSSH format, not encrypted.

    The format is that of OpenSSH's PROTOCOL.key.
    """
    public = _public_bytes(seed)
    public_part = _text(_ALGORITHM) + _text(public)
    # OpenSSH wants one number twice, to notice a wrong passphrase; its value means nothing.
    check = sha256(public).digest()[:4] * 2
    private_part = check + public_part + _text(seed + public) + _text(b"")
    body = (
        b"openssh-key-v1\0"
        + _text(b"none")  # cipher
        + _text(b"none")  # key derivation
        + _text(b"")  # its options
        + (1).to_bytes(4, "big")  # number of keys
        + _text(public_part)
        + _text(_padded(private_part))
    )
    lines = textwrap.wrap(base64.b64encode(body).decode(), 70)
    armour = "-----{} OPENSSH PRIVATE KEY-----"
    return "\n".join([armour.format("BEGIN"), *lines, armour.format("END"), ""])


def _public_bytes(seed: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _text(data: bytes) -> bytes:
    """Return data with its length in front (RFC 4251, `string`)."""
    return len(data).to_bytes(4, "big") + data


def _padded(data: bytes) -> bytes:
    return data + bytes(range(1, -len(data) % _BLOCK_BYTES + 1))
