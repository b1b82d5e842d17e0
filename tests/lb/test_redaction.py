from __future__ import annotations

import pytest

from lb.data.redaction import redact


@pytest.mark.parametrize(
    ("target", "logged"),
    [
        (b"/a?x=1&api_key=s3&y=2", "/a?x=1&api_key=REDACTED&y=2"),
        (b"/?Token=s3;secret=s3", "/?Token=REDACTED;secret=REDACTED"),
        (b"/?access_token=s3=s3&sig=s3", "/?access_token=REDACTED&sig=REDACTED"),
        (b"/?api%5Fke%79=s3", "/?api%5Fke%79=REDACTED"),
        (b"/?X-Amz-Signature=s3&design=1", "/?X-Amz-Signature=REDACTED&design=1"),
        (b"/token/x?plain", "/token/x?plain"),
        (b"/\xff", "/\\xff"),
    ],
)
def test_credentials_in_queries_are_not_logged(target: bytes, logged: str) -> None:
    assert redact(target) == logged


def test_long_queries_are_redacted_in_linear_time() -> None:
    assert redact(b"/?" + b"key" * 20_000).endswith("key")
