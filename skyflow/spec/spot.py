"""Rules between the spot keys of a replica policy and the resources."""

from __future__ import annotations

from skyflow.spec.alternative import Alternative
from skyflow.spec.faults import Fault, refused
from skyflow.spec.resources import Resources
from skyflow.spec.service import Service

_PLACE = ("infra", "cloud", "region", "zone")


def check_spot(service: Service, resources: Resources) -> None:
    """Refuse what makes sense with spot machines only where there are none.

    Raises:
        PydanticCustomError: There are none, or what is spread over places differs in more than
            the place.

    """
    policy = service.replica_policy
    if policy is None or not policy.spot_keys:
        return
    candidates = resources.candidates()
    faults: list[Fault] = []
    if not all(each.use_spot for each in candidates):
        message = "needs spot machines; add `use_spot: true` to `resources`"
        faults = [_fault(key, message) for key in policy.spot_keys]
    elif policy.spot_placer is not None and not _differ_in_place_only(candidates):
        message = "needs `resources` whose alternatives differ in cloud, region and zone only"
        faults = [_fault("spot_placer", message)]
    if faults:
        raise refused(faults)


def _fault(key: str, message: str) -> Fault:
    return Fault(message, ("replica_policy", key), of_key=True)


def _differ_in_place_only(candidates: tuple[Alternative, ...]) -> bool:
    if any(len(each.accelerators or ()) > 1 for each in candidates):
        return False
    shapes = [each.model_dump(exclude=set(_PLACE)) for each in candidates]
    return all(shape == shapes[0] for shape in shapes)
