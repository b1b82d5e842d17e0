"""Spot requests of instances that RunInstances made, which moto does not know."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.clouds.aws_bench.account import Instance
from tests.clouds.aws_bench.calls import Call

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def request_of(instance: str) -> str:
    """Return the id of the spot request that an instance belongs to."""
    return "sir-" + instance.removeprefix("i-")[-8:]


def described(call: Call, instances: Sequence[Instance], marked: Collection[str]) -> bytes:
    """Answer DescribeSpotInstanceRequests.

    Args:
        call: The call, whose filters by id of the request and by code of the status are heeded.
        instances: Instances of the region.
        marked: Ids of those that Amazon is about to take back.

    """
    root = Element("DescribeSpotInstanceRequestsResponse", xmlns=NAMESPACE)
    listing = SubElement(root, "spotInstanceRequestSet")
    for instance in instances:
        fields = _fields(instance, instance.instance_id in marked)
        if instance.spot and all(
            fields.get(name) in values for name, values in call.filters().items()
        ):
            _add(listing, instance, fields)
    answer: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return answer


def _fields(instance: Instance, marked: bool) -> dict[str, str]:
    """Return what requests are filtered by; the codes are in "Spot request status codes"."""
    usual = "instance-terminated-by-user" if instance.gone else "fulfilled"
    return {
        "spot-instance-request-id": request_of(instance.instance_id),
        "status-code": "marked-for-termination" if marked else usual,
    }


def _add(listing: Element, instance: Instance, fields: dict[str, str]) -> None:
    item = SubElement(listing, "item")
    SubElement(item, "spotInstanceRequestId").text = fields["spot-instance-request-id"]
    SubElement(item, "type").text = "one-time"
    SubElement(item, "state").text = "closed" if instance.gone else "active"
    status = SubElement(item, "status")
    SubElement(status, "code").text = fields["status-code"]
    SubElement(status, "message").text = f"The request is {fields['status-code']}."
    SubElement(item, "instanceId").text = instance.instance_id
