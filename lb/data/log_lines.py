"""Lines of the access log: text for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii

from lb.data.record import Record
from lb.data.redaction import redact

ACCESS_LOGS = ("text", "json", "off")
"""What a service may have of its access log."""


def text_line(record: Record, wall: float) -> str:
    """Return a line for people.

    Args:
        record: The request.
        wall: What to add to its times for the time (Unix, seconds).
    """
    begin, replica = record.received_at, record.replica_id
    return (
        f"{_moment(begin + wall)} {_asked(record.client, record.method, record.target)}"
        f" {record.status} {record.sent} replica={'-' if replica is None else replica}"
        f" ms={(record.ended_at - begin) * 1000.0:.1f}"
        f" id={record.request_id.decode() or '-'} tries={record.tries} {record.ending}\n"
    )


def json_line(record: Record, wall: float) -> str:
    """Return a line for machines; the same arguments as `text_line`."""
    # Addresses, methods and ids have no character that JSON would want written in another way.
    begin, replica = record.received_at, record.replica_id
    return (
        f'{{"time":"{_moment(begin + wall)}","client":"{record.client.decode()}"'
        f',"method":"{record.method.decode()}","target":{_quoted(redact(record.target))}'
        f',"status":{record.status},"replica":{"null" if replica is None else replica}'
        f',"sent_bytes":{record.sent},"received_bytes":{record.received}'
        f',"seconds":{record.ended_at - begin:.6f}'
        f',"queue_seconds":{_after(begin, record.chosen_at)}'
        f',"first_byte_seconds":{_after(begin, record.first_byte_at)}'
        f',"tries":{record.tries},"ending":"{record.ending}"'
        f',"request_id":"{record.request_id.decode()}"}}\n'
    )


FORMS: dict[str, Callable[[Record, float], str]] = {"text": text_line, "json": json_line}
"""How a request is written, by what the service has of its access log."""

_MILLISECONDS = tuple(f".{number:03d}+00:00" for number in range(1000))


@lru_cache(maxsize=256)  # most clients ask for the same again and again
def _asked(client: bytes, method: bytes, target: bytes) -> str:
    return f"{client.decode()} {method.decode()} {redact(target)}"


_quoted = lru_cache(maxsize=256)(encode_basestring_ascii)


@lru_cache(maxsize=8)  # the clock of the event loop moves by milliseconds
def _moment(at: float) -> str:
    second = int(at)
    return _second(second) + _MILLISECONDS[int((at - second) * 1000)]


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _after(begin: float, at: float | None) -> str:
    return "null" if at is None else f"{at - begin:.6f}"
