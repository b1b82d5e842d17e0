from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from skyflow.config import Settings
from skyflow.errors import StorageError
from skyflow.storage.keyring import Keyring

DIGEST = "2f48cc3b9b0022690cb24c95c49d583322b35826104818bf5d54066135c65317"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzYrHLWPPxJPBXv+Bg77Y69i34CqKewsPnqU/z2laU3"


def test_the_master_key_is_made_once_and_private(settings: Settings) -> None:
    first, second = Keyring.load(settings), Keyring.load(settings)
    assert first.digest(b"x") == second.digest(b"x")
    path = settings.keys / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.keys.stat().st_mode) == 0o700
    assert [each.name for each in settings.keys.iterdir()] == ["master.key"]


def test_those_who_start_at_once_agree_on_one_key(settings: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(lambda _: Keyring.load(settings), range(64)))
    assert len({ring.digest(b"x") for ring in rings}) == 1


def test_what_is_encrypted_can_be_decrypted_in_its_context_only(keyring: Keyring) -> None:
    sealed = keyring.encrypt(b"secret", "services/1")
    assert b"secret" not in sealed
    assert keyring.decrypt(sealed, "services/1") == b"secret"
    with pytest.raises(StorageError, match="services/2 cannot be decrypted"):
        keyring.decrypt(sealed, "services/2")


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x01short", bytes(100)])
def test_what_is_damaged_is_an_error(keyring: Keyring, damage: bytes) -> None:
    with pytest.raises(StorageError):
        keyring.decrypt(damage, "context")


def test_equal_data_is_encrypted_differently_each_time(keyring: Keyring) -> None:
    assert keyring.encrypt(b"same", "context") != keyring.encrypt(b"same", "context")


def test_another_installation_gives_other_keys() -> None:
    one, other = Keyring(bytes(32)), Keyring(b"x" * 32)
    assert one.digest(b"data") != other.digest(b"data")
    assert one.machine_keys("m") != other.machine_keys("m")
    with pytest.raises(StorageError):
        other.decrypt(one.encrypt(b"data", "context"), "context")


def test_a_machine_has_the_same_keys_each_time(settings: Settings, keyring: Keyring) -> None:
    assert Keyring.load(settings).machine_keys("one") == keyring.machine_keys("one")
    assert keyring.machine_keys("two") != keyring.machine_keys("one")


def test_the_keys_of_a_machine_fit_together(keyring: Keyring) -> None:
    keys = keyring.machine_keys("machine")
    host = asyncssh.import_private_key(keys.host_private_key)
    assert host.export_public_key().decode().strip() == keys.host_public_key
    login = keyring.login_key().export_public_key().decode().strip()
    assert login == keys.authorized_key
    assert login != keys.host_public_key


def test_the_derivation_never_changes() -> None:
    ring = Keyring(bytes(range(32)))
    assert ring.digest(b"data") == DIGEST
    assert ring.machine_keys("machine").host_public_key == HOST_KEY


def test_another_library_reads_the_host_key_too(keyring: Keyring) -> None:
    keys = keyring.machine_keys("machine")
    private = load_ssh_private_key(keys.host_private_key.encode(), password=None)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert public.decode() == keys.host_public_key


def test_a_damaged_master_key_is_an_error(settings: Settings, keyring: Keyring) -> None:
    (settings.keys / "master.key").write_bytes(b"short")
    with pytest.raises(StorageError, match="5 bytes"):
        Keyring.load(settings)


def test_a_place_without_a_master_key_that_cannot_have_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot read or make"):
        Keyring.load(Settings(home=tmp_path / "file"))
