"""What AWS announces of machines that it is about to take back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skyflow.clouds.aws.client import AwsApi
from skyflow.clouds.aws.instances import batches, find, is_live

_MARKED = ("marked-for-termination", "marked-for-stop", "marked-for-hibernation")
"""Codes of spot requests that are about to be interrupted ("Spot request status codes")."""


async def interruption_notices(api: AwsApi, region: str, names: Sequence[str]) -> Mapping[str, str]:
    """Return what the spot request of each named machine says, if it is about to be interrupted.

    Raises:
        CloudError: The region could not be asked.

    """
    found = await find(api, region, names)
    requests = {
        instance["SpotInstanceRequestId"]: name
        for name, instances in found.items()
        for instance in instances
        if is_live(instance) and instance.get("SpotInstanceRequestId")
    }
    notices = {}
    for some in batches(sorted(requests)):
        filters = [
            {"Name": "spot-instance-request-id", "Values": some},
            {"Name": "status-code", "Values": list(_MARKED)},
        ]
        for answer in await api.collect(
            "describe_spot_instance_requests", region, "SpotInstanceRequests", Filters=filters
        ):
            status = answer["Status"]
            name = requests[answer["SpotInstanceRequestId"]]
            notices[name] = f"{status['Code']}: {status.get('Message', '')}"
    return notices
