"""Images that moto has in every region."""

from __future__ import annotations

IMAGE = "ami-1e749f67"
"""Ubuntu for x86_64, with a disk of 15 GiB."""
ARM_IMAGE = "ami-0e9271c829888680e"
"""Amazon Linux for arm64."""
