"""Accelerators: how their names are written, who makes them and how much memory they have."""

from __future__ import annotations

import re
from typing import NamedTuple


class AcceleratorFacts(NamedTuple):
    """What is the same for an accelerator at every cloud."""

    maker: str
    memory_gib: float
    """Memory as its maker states it; what a cloud reports is a little less."""


KNOWN_ACCELERATORS = {
    "A10": AcceleratorFacts("nvidia", 24),
    "A10G": AcceleratorFacts("nvidia", 24),
    "A16": AcceleratorFacts("nvidia", 16),
    "A30": AcceleratorFacts("nvidia", 24),
    "A40": AcceleratorFacts("nvidia", 48),
    "A100": AcceleratorFacts("nvidia", 40),
    "A100-80GB": AcceleratorFacts("nvidia", 80),
    "A6000": AcceleratorFacts("nvidia", 48),
    "B200": AcceleratorFacts("nvidia", 180),
    "B300": AcceleratorFacts("nvidia", 270),
    "GB200": AcceleratorFacts("nvidia", 186),
    "GH200": AcceleratorFacts("nvidia", 96),
    "Gaudi HL-205": AcceleratorFacts("intel", 32),
    "H100": AcceleratorFacts("nvidia", 80),
    "H100-MEGA": AcceleratorFacts("nvidia", 80),
    "H200": AcceleratorFacts("nvidia", 141),
    "Inferentia": AcceleratorFacts("aws", 8),
    "Inferentia2": AcceleratorFacts("aws", 32),
    "K80": AcceleratorFacts("nvidia", 12),
    "L4": AcceleratorFacts("nvidia", 24),
    "L40": AcceleratorFacts("nvidia", 48),
    "L40S": AcceleratorFacts("nvidia", 48),
    "M60": AcceleratorFacts("nvidia", 8),
    "MI300X": AcceleratorFacts("amd", 192),
    "P4": AcceleratorFacts("nvidia", 8),
    "P100": AcceleratorFacts("nvidia", 16),
    "RTX4090": AcceleratorFacts("nvidia", 24),
    "RTX5090": AcceleratorFacts("nvidia", 32),
    "RTX6000": AcceleratorFacts("nvidia", 24),
    "RTX6000-Ada": AcceleratorFacts("nvidia", 48),
    "RTXPRO6000": AcceleratorFacts("nvidia", 96),
    "T4": AcceleratorFacts("nvidia", 16),
    "T4g": AcceleratorFacts("nvidia", 16),
    "Trainium": AcceleratorFacts("aws", 32),
    "Trainium2": AcceleratorFacts("aws", 96),
    "V100": AcceleratorFacts("nvidia", 16),
    "V100-32GB": AcceleratorFacts("nvidia", 32),
}
"""Accelerators by the name that SkyPilot's catalog gives them; memory from their data sheets."""

_OTHER_NAMES = {
    "gaudi": "Gaudi HL-205",
    "h10080gbmega": "H100-MEGA",
    "h10080gbplus": "H100-MEGA",
    "inf1": "Inferentia",
    "inf2": "Inferentia2",
    "rtxa6000": "A6000",
    "trainium1": "Trainium",
    "trn1": "Trainium",
    "trn2": "Trainium2",
}
_SEPARATORS = re.compile(r"[\s_-]+")
_ADDITION = re.compile(
    r"nvidia|amd|aws|intel|habana|tesla|quadro|geforce|instinct|gpu|blackwell|generation|server"
    r"|sxm\d?|pcie|hbm\d?e?"
)
"""What may stand in a name and says nothing that tells accelerators apart."""


def canonical_accelerator(name: str) -> str | None:
    """Return the usual name of an accelerator in any spelling; None if it is not known.

    `a100-80g`, `NVIDIA A100 80GB` and `A100-SXM4-80GB` are all `A100-80GB`.
    """
    return _CANONICAL.get(_squeezed(name))


def accelerator_maker(name: str) -> str | None:
    """Return the maker of an accelerator, in small letters; None if it is not known."""
    facts = KNOWN_ACCELERATORS.get(name)
    return facts.maker if facts else None


def accelerator_memory_gib(name: str, reported: float | None) -> float | None:
    """Return the memory of an accelerator in GiB: its maker's figure, else the reported one."""
    facts = KNOWN_ACCELERATORS.get(name)
    return facts.memory_gib if facts else reported


def _squeezed(name: str) -> str:
    """Return what tells a name from others: its letters and digits, without additions."""
    parts = _SEPARATORS.split(name.lower())
    return "".join(part for part in parts if not _ADDITION.fullmatch(part))


def _spellings() -> dict[str, str]:
    """Return every known name, with and without the accelerator's memory, by what is left of it."""
    found = dict(_OTHER_NAMES)
    for name, facts in KNOWN_ACCELERATORS.items():
        memory = f"{facts.memory_gib:g}"
        with_memory = _squeezed(name.removesuffix(f"-{memory}GB")) + memory
        spelled = [_squeezed(name), *(with_memory + unit for unit in ("", "g", "gb", "gib"))]
        found.update((spelling, name) for spelling in spelled)
    return found


_CANONICAL = _spellings()
