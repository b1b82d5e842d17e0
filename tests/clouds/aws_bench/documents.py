"""Answers of EC2 about instances, and what the front changes in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.clouds.aws_bench.spot_requests import NAMESPACE, request_of

_NAMESPACE = re.compile(rb'xmlns="([^"]+)"')
_ADDRESSES = ("privateIpAddress", "ipAddress", "publicIp")
STATES = {
    "pending": ("0", "pending"),
    "running": ("16", "running"),
    "shutting-down": ("32", "shutting-down"),
    "terminated": ("48", "terminated"),
    "stopping": ("64", "stopping"),
    "stopped": ("80", "stopped"),
}
"""Code and name of each state of instances."""


def instances_in(body: bytes) -> list[str]:
    """Return the ids of the instances that an answer lists."""
    return [_text(item, "instanceId") for item in _instances(ElementTree.fromstring(body))]


def with_addresses(body: bytes, addresses: Mapping[str, str]) -> bytes:
    """Return an answer in which instances have other addresses, inside and outside the same.

    Args:
        body: The answer.
        addresses: The address of each instance that has one of its own.

    """

    def change(instance: str, item: Element) -> None:
        if address := addresses.get(instance):
            for tag in _ADDRESSES:
                for element in item.iter(_namespace(item) + tag):
                    element.text = address

    return _changed(body, change)


def with_states(body: bytes, states: Mapping[str, tuple[str, str]]) -> bytes:
    """Return an answer in which instances have other states: code and name of each."""

    def change(instance: str, item: Element) -> None:
        state = item.find(_namespace(item) + "instanceState")
        if state is not None and instance in states:
            for element, value in zip(state, states[instance], strict=True):
                element.text = value

    return _changed(body, change)


def with_spot_requests(body: bytes) -> bytes:
    """Return an answer in which spot instances name the requests that they belong to."""

    def change(instance: str, item: Element) -> None:
        if _text(item, "instanceLifecycle") == "spot":
            SubElement(item, _namespace(item) + "spotInstanceRequestId").text = request_of(instance)

    return _changed(body, change)


def with_reasons(body: bytes, reasons: Mapping[str, str]) -> bytes:
    """Return an answer that says why instances ended: a code for each of which it is known."""

    def change(instance: str, item: Element) -> None:
        reason = item.find(_namespace(item) + "stateReason")
        if reason is not None and instance in reasons:
            code, message = (reason.find(_namespace(item) + tag) for tag in ("code", "message"))
            for element in (code, message):
                if element is not None:
                    element.text = reasons[instance]

    return _changed(body, change)


def with_regions(body: bytes, enabled: Collection[str]) -> bytes:
    """Return an answer to DescribeRegions that has the enabled regions alone."""
    root = ElementTree.fromstring(body)
    for listing in root.iter(_namespace(root) + "regionInfo"):
        for item in list(listing):
            if _text(item, "regionName") not in enabled:
                listing.remove(item)
    return _written(root, body)


def ended_again(instances: Iterable[str]) -> bytes:
    """Return the answer to TerminateInstances about instances that have ended before."""
    root = Element("TerminateInstancesResponse", xmlns=NAMESPACE)
    listing = SubElement(root, "instancesSet")
    for instance in instances:
        item = SubElement(listing, "item")
        SubElement(item, "instanceId").text = instance
        for tag in ("currentState", "previousState"):
            state = SubElement(item, tag)
            for name, value in zip(("code", "name"), STATES["terminated"], strict=True):
                SubElement(state, name).text = value
    answer: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return answer


def _changed(body: bytes, change: Callable[[str, Element], None]) -> bytes:
    root = ElementTree.fromstring(body)
    for item in _instances(root):
        change(_text(item, "instanceId"), item)
    return _written(root, body)


def _written(root: Element, before: bytes) -> bytes:
    if namespace := _NAMESPACE.search(before):
        ElementTree.register_namespace("", namespace[1].decode())
    changed: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return changed


def _instances(root: Element) -> Iterator[Element]:
    for listing in root.iter(_namespace(root) + "instancesSet"):
        yield from listing


def _text(item: Element, tag: str) -> str:
    found = item.find(_namespace(item) + tag)
    return (found.text or "") if found is not None else ""


def _namespace(element: Element) -> str:
    return element.tag[: element.tag.find("}") + 1]
