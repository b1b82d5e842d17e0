from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from skyflow.server_clock import ServerClock


@pytest.mark.parametrize("minutes_off", [-10, 0, 10])
def test_the_servers_time_goes_on_whatever_the_computers_clock_says(
    minutes_off: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_server = datetime.now(UTC)
    clock = ServerClock.started(at_server)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + timedelta(minutes=minutes_off).seconds)
    assert 0 <= clock.now() - at_server.timestamp() < 5
