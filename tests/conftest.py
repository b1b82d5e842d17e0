"""Nothing that tests start uses an account of whoever runs them."""

from __future__ import annotations

import os

for name in [name for name in os.environ if name.startswith(("AWS_", "SKYFLOW_AWS_"))]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
