"""The installation's keys, all derived from one master key."""

from __future__ import annotations

import hmac
import os
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import asyncssh
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from skyflow.clouds.base import MachineKeys
from skyflow.config import Settings
from skyflow.durable_files import create_file, sync_directory
from skyflow.errors import StorageError, StorageUnavailable
from skyflow.storage.openssh import private_key_text
from skyflow.system_errors import reason, remedy

_KEY_BYTES = 32
_NONCE_BYTES = 12
"""Size of the nonce that AES-GCM is specified for (NIST SP 800-38D)."""
_FORMAT = b"\x01"
"""First byte of everything encrypted: how the rest is to be read."""


class Keyring:
    """Keys of one installation. Nothing but the master key is ever stored."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key

    @staticmethod
    def load(settings: Settings) -> Keyring:
        """Read the installation's master key, and make it first if there is none.

        Raises:
            StorageError: It could not be read or made, or it is not a master key.

        """
        path = settings.keys / "master.key"
        try:
            if not path.exists():
                _create_master_key(path)
            key = path.read_bytes()
        except OSError as error:
            raise StorageUnavailable(
                f"cannot read or make the master key {path}: {reason(error)}",
                remedy(error, "make the directory yours, or set SKYFLOW_HOME to one that is"),
            ) from error
        if len(key) != _KEY_BYTES:
            raise StorageError(
                f"{path} holds {len(key)} bytes, not a master key of {_KEY_BYTES}",
                "restore it from a copy; without it the stored specs cannot be read",
            )
        return Keyring(key)

    def encrypt(self, data: bytes, context: str) -> bytes:
        """Encrypt data (AES-256-GCM), bound to where it belongs."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, data, context.encode())

    def decrypt(self, data: bytes, context: str) -> bytes:
        """Return what was encrypted for this context.

        Raises:
            StorageError: Another master key encrypted it, it was altered, or it belongs elsewhere.

        """
        body = data.removeprefix(_FORMAT)
        try:
            return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise StorageError(
                f"{context} cannot be decrypted: it was altered, or made with another master key",
                "restore $SKYFLOW_HOME/keys/master.key from a copy",
            ) from None

    def digest(self, data: bytes) -> str:
        """Return a keyed digest (HMAC-SHA256, hexadecimal) that tells nothing of the data."""
        return hmac.new(self._derive("digest"), data, sha256).hexdigest()

    def machine_keys(self, machine_name: str) -> MachineKeys:
        """Return the keys to start a machine with; always the same for the same name."""
        host_key = private_key_text(self._derive(f"host-key/{machine_name}"))
        return MachineKeys(
            host_private_key=host_key,
            host_public_key=_public_key(asyncssh.import_private_key(host_key)),
            authorized_key=_public_key(self._login_key),
        )

    def login_key(self) -> asyncssh.SSHKey:
        """Return the private key that logs in to every machine of the installation."""
        return self._login_key

    @cached_property
    def _login_key(self) -> asyncssh.SSHKey:
        return asyncssh.import_private_key(private_key_text(self._derive("login-key")))

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derive("encryption"))

    def _derive(self, purpose: str) -> bytes:
        """Derive the key for one purpose (HKDF-SHA256, RFC 5869)."""
        info = f"skyflow/1/{purpose}".encode()
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=info).derive(self._master_key)


def _create_master_key(path: Path) -> None:
    """Make the master key file; of several processes that start at once one wins.

    What it encrypts is lost without it, so it is on the disk before it is used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    if create_file(path, os.urandom(_KEY_BYTES)):
        sync_directory(path.parent.parent)


def _public_key(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()
