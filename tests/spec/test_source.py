from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from skyflow.errors import SpecError
from skyflow.spec import load_task
from tests.spec.conftest import MINIMAL, Load, Refuse, options


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"---\n", "is empty"),
        (b"just words", "found no keys"),
        (b"- a\n- b\n", "found no keys"),
        (b"a: 1\n---\nb: 2\n", "found a second document"),
        (b"run: \xff\n", "found byte 0xff, which is not UTF-8"),
        ("run: x".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"run: a\n\tb: c\n", "not valid YAML"),
        (b"service:\n\treplicas: 1\n", "indent with spaces, not tabs"),
        (b"run: [1, 2\n", "not valid YAML"),
        (b"run: \x00\n", "not valid YAML"),
        (b"infra: */us-east-1\n", "quote a value that starts with *"),
        (b"infra: *zone\n", "*zone names no anchor"),
        (b"a: &a [*a]\n", "*a contains itself"),
        (b"[" * 100_000, "is nested more than 50 levels deep"),
        (b"? [a]\n: b\n", "found a collection as a key"),
        (b'run: "\\ud800"\n', "not valid YAML"),
        (b"run: !!python/object:os.system x\n", "found the tag"),
        (b"service: !custom {}\nrun: x\n", "found the tag"),
        (b"service: {}\nrun: x\nnum_nodes: !!int x\n", "not a value of type int"),
        (b"service: {}\nrun: x\nnum_nodes: " + b"9" * 5000, "not a value of type int"),
        (b"service: {replicas: .nan}\nrun: x\n", "allowed: a finite number"),
    ],
)
def test_text_that_is_no_service_yaml_is_refused(
    refuse: Refuse, content: bytes, message: str
) -> None:
    assert any(message in problem for problem in refuse(content))


@pytest.mark.parametrize("depth", [5, 9, 30])
def test_alias_bombs_are_refused_at_once(refuse: Refuse, depth: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for at in range(1, depth):
        lines.append(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]")
    started = time.perf_counter()
    assert "holds more than 20000 values" in refuse("\n".join(lines))[0]
    assert time.perf_counter() - started < 2


def test_a_chain_of_aliases_cannot_nest_too_deep(refuse: Refuse) -> None:
    chain = ["a0: &a0 [x]", *(f"a{at}: &a{at} [*a{at - 1}]" for at in range(1, 80))]
    assert "is nested more than 50 levels deep" in refuse("\n".join(chain))[0]


def test_a_file_that_is_too_big_is_refused(refuse: Refuse) -> None:
    assert "is bigger than 1024 KiB" in refuse(b"a" * (50 * 1024 * 1024))[0]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        (".", "is a directory"),
        ("missing.yaml", "No such file"),
        ("pipe", "is not an ordinary file"),
        ("a" * 300, "File name too long"),
        ("nul\0", "cannot be read"),
    ):
        with pytest.raises(SpecError, match=message):
            load_task(tmp_path / name, options())


def test_a_key_given_twice_is_refused_with_both_places(refuse: Refuse) -> None:
    text = "service: {}\nrun: a\nenvs:\n  A: 1\n  A: 2\n"
    assert refuse(text) == ["5:3 envs.A: found twice, first in line 4; allowed: once"]


def test_a_byte_order_mark_and_windows_line_ends_are_read(load: Load) -> None:
    assert load(b"\xef\xbb\xbfservice: {}\r\nrun: |\r\n  serve\r\n").run == "serve\n"


def test_an_empty_document_at_the_end_is_passed_over(load: Load) -> None:
    assert load(f"---\n{MINIMAL}---\n# nothing\n").run == "serve"


def test_aliases_and_merge_keys_are_followed(load: Load) -> None:
    text = """
service:
  readiness_probe: &probe {path: /a, timeout_seconds: 3}
run: x
"""
    assert load(text).service.readiness_probe.timeout_seconds == 3
    merged = """
resources:
  any_of:
    - &gpu {infra: aws, cpus: 4+}
    - <<: *gpu
      infra: gcp
"""
    first, second = load(merged + MINIMAL).settings().resources
    assert (first.cloud, second.cloud) == ("aws", "gcp")
    assert first.cpus == second.cpus == 4


@pytest.mark.parametrize(
    ("head", "repeated", "message"),
    [
        ("text: &a " + "x" * 100_000, "*a", "holds more than 20000 values"),
        ("map: &a {" + "x" * 1_000 + "y: 1}", "*a", "holds more than 20000 values"),
        ("envs: {A: " + "x" * 100_000 + "}", "$A", "variables add more than 4096 KiB"),
    ],
)
def test_what_grows_when_it_is_read_is_refused_in_little_memory(
    refuse: Refuse, head: str, repeated: str, message: str
) -> None:
    text = f"{head}\nvolumes: [{', '.join([repeated] * 12_000)}]\n{MINIMAL}"
    tracemalloc.start()
    try:
        assert message in refuse(text)[0]
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_more_variables_than_anybody_has_are_refused(refuse: Refuse) -> None:
    envs = "".join(f"  V{at}: {at}\n" for at in range(1001))
    (problem,) = refuse(f"envs:\n{envs}{MINIMAL}")
    assert problem == "1:1 envs: found 1001 variables; allowed: at most 1000"


def test_masks_are_not_masked_again(load: Load) -> None:
    secrets = ", ".join(f"S{at}: '{letter}'" for at, letter in enumerate("redact<>"))
    shown = load(f"secrets: {{{secrets}}}\nsetup: {'r' * 10_000}\n{MINIMAL}").redacted_yaml()
    assert len(shown) < 200_000
