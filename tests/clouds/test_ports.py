from __future__ import annotations

import socket

from skyflow.clouds.local import ports


def test_port_is_in_the_range_and_free_for_the_service() -> None:
    port, claim = ports.claim()
    with claim, socket.create_server(("127.0.0.1", port)):
        assert ports.FIRST <= port <= ports.LAST


def test_no_port_is_given_twice_while_it_is_claimed() -> None:
    claimed = [ports.claim() for _ in range(50)]
    assert len({port for port, _ in claimed}) == 50
    for _, claim in claimed:
        claim.close()
