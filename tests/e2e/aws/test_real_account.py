"""What `make test-aws` does, at the bench."""

from __future__ import annotations

import pytest

from tests.clouds.aws_bench.bench import AwsBench
from tests.e2e.aws import real_account

pytestmark = [pytest.mark.xdist_group("e2e-aws"), pytest.mark.timeout(400)]


async def test_one_machine_serves_and_is_gone(
    bench: AwsBench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    await real_account.serve()
    shown = capsys.readouterr().out
    assert "answers: " in shown
    assert "no machine is left" in shown
    assert [call.instance_type for call in bench.calls("RunInstances")] == ["t3.small"]
    assert bench.ledger.existing() == []


def test_nobody_starts_a_machine_by_accident(capsys: pytest.CaptureFixture[str]) -> None:
    assert real_account.main() == 2
    assert "SKYFLOW_TEST_AWS=1" in capsys.readouterr().err


def test_nothing_is_started_without_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKYFLOW_TEST_AWS", "1")
    assert real_account.main() == 2
    assert "no AWS credentials" in capsys.readouterr().err
