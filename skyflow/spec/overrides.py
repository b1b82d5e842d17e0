"""Put what the command line says in the place of what a service YAML says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skyflow.errors import SpecError
from skyflow.spec.composer import compose
from skyflow.spec.document import Entry, Mapping, Node, Position, Scalar, ScalarValue, Sequence
from skyflow.spec.options import ResourceOverrides
from skyflow.spec.scalars import read_plain

_PLACE = ("cloud", "region", "zone")
_NONE = "none"
"""What takes a key out, as in SkyPilot."""


def apply_overrides(root: Mapping, given: ResourceOverrides) -> Mapping:
    """Return the tree with the given values; each knows the option that it comes from."""
    entries = dict(root.entries)
    for key, value in _resource_values(given).items():
        entries["resources"] = _override(entries.get("resources"), key, value)
    if given.num_nodes is not None:
        entries["num_nodes"] = _entry(given.num_nodes, "--num-nodes")
    if given.workdir is not None:
        # A path that is given on the command line starts where the command is called.
        path = given.workdir if "://" in given.workdir else _absolute(given.workdir)
        entries["workdir"] = _entry(path, "--workdir")
    return replace(root, entries=entries)


def _resource_values(given: ResourceOverrides) -> dict[str, Entry | None]:
    """Return the entry of each key of `resources` that is given; None for one to be taken out."""
    plain = {
        "infra": given.infra,
        "accelerators": given.gpus,
        "cpus": given.cpus,
        "memory": given.memory,
        "disk_size": given.disk_size,
        "disk_tier": given.disk_tier,
        "image_id": given.image_id,
        "instance_type": given.instance_type,
        "local_disk": given.local_disk,
        "max_hourly_cost": given.max_hourly_cost,
        "use_spot": given.use_spot,
    }
    options = {key: "--" + key.replace("_", "-") for key in plain}
    options |= {"accelerators": "--gpus", "max_hourly_cost": "--max-price"}
    values = {
        key: None if _is_none(value) else _entry(_read(key, value), options[key])
        for key, value in plain.items()
        if value is not None
    }
    if given.gpus is not None and given.gpus.lstrip().startswith(("{", "[")):
        values["accelerators"] = _collection(given.gpus, "--gpus")
    if given.ports:
        items = tuple(_entry(read_plain(port), "--ports").value for port in given.ports)
        position = Position(0, 0, "--ports")
        values["ports"] = Entry(position, Sequence(items, position, len(items) + 1))
    return values


def _collection(text: str, option: str) -> Entry:
    """Return a mapping or a list in YAML's flow form; what is not YAML stays text."""
    try:
        node, problems = compose(text, option)
    except SpecError:
        return _entry(text, option)
    if problems:
        return _entry(text, option)
    position = Position(0, 0, option)
    return Entry(position, _placed(node, position))


def _placed(node: Node, position: Position) -> Node:
    if isinstance(node, Mapping):
        entries = {
            key: Entry(position, _placed(entry.value, position))
            for key, entry in node.entries.items()
        }
        return replace(node, entries=entries, position=position)
    if isinstance(node, Sequence):
        items = tuple(_placed(item, position) for item in node.items)
        return replace(node, items=items, position=position)
    return replace(node, position=position)


def _override(section: Entry | None, key: str, value: Entry | None) -> Entry:
    position = value.position if value is not None else Position(0, 0)
    if section is None or (isinstance(section.value, Scalar) and section.value.value is None):
        section = Entry(position, Mapping({}, position))
    if not isinstance(section.value, Mapping):
        return section
    entries = _without(section.value, key)
    for name in ("any_of", "ordered"):
        alternatives = entries.get(name)
        if alternatives is not None and isinstance(alternatives.value, Sequence):
            items = tuple(_cleared(item, key) for item in alternatives.value.items)
            entries[name] = replace(alternatives, value=replace(alternatives.value, items=items))
    if value is not None:
        entries[key] = value
    return replace(section, value=replace(section.value, entries=entries))


def _cleared(node: Node, key: str) -> Node:
    return replace(node, entries=_without(node, key)) if isinstance(node, Mapping) else node


def _without(node: Mapping, key: str) -> dict[str, Entry]:
    gone = (key, *_PLACE) if key == "infra" else (key,)
    return {name: entry for name, entry in node.entries.items() if name not in gone}


def _read(key: str, value: str | float) -> ScalarValue:
    is_number = key in ("cpus", "memory", "disk_size") and isinstance(value, str)
    return read_plain(str(value)) if is_number else value


def _is_none(value: str | float | None) -> bool:
    return isinstance(value, str) and value.strip().lower() == _NONE


def _absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().absolute())
    except (RuntimeError, OSError):
        return path


def _entry(value: ScalarValue, option: str) -> Entry:
    position = Position(0, 0, option)
    return Entry(position, Scalar(value, position, str(value)))
