"""What `--json` prints: documents with stable keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from skyflow.errors import Problem, SkyflowError, SpecError
from skyflow.placement.offers import Offer
from skyflow.sdk.plan import Plan
from skyflow.sdk.views import ServiceView
from skyflow.state import Decision, ReplicaRecord

Document = dict[str, Any]


def service(view: ServiceView, now: float, decisions: Sequence[Decision] | None = None) -> Document:
    """Return a service, with its decisions if they are given."""
    status = view.status
    document = {
        "name": status.service,
        "status": status.phase.value,
        "reason": status.reason,
        "version": status.version,
        "incarnation": status.incarnation,
        "endpoint": view.endpoint,
        "port": status.port,
        "uptime_seconds": round(max(0.0, now - status.started_at), 3),
        "started_at": status.started_at,
        "updated_at": status.updated_at,
        "stale": view.stale,
        "target_replicas": status.target,
        "ready_replicas": view.ready,
        "existing_replicas": view.existing,
        "load_balancing_policy": status.load_balancing_policy,
        "autoscaling": status.autoscaling and status.autoscaling.model_dump(mode="json"),
        "bounds": status.bounds and status.bounds.model_dump(),
        "held": status.held,
        "replicas": [_replica(record) for record in status.replicas],
    }
    if decisions is not None:
        document["decisions"] = [decision.model_dump(mode="json") for decision in decisions]
    return document


def plan(of: Plan) -> Document:
    """Return what an `up` would do."""
    chosen = Counter(offer.place for offer in of.chosen)
    return {
        "name": of.name,
        "replicas": of.settings.replicas,
        "nodes_per_replica": of.settings.num_nodes,
        "port": of.settings.port,
        "hourly_price": round(of.hourly_price, 6),
        "files": [{"target": target, "packed_bytes": size} for target, size in of.files],
        "offers": [
            {**_offer(offer), "chosen_for_replicas": chosen[offer.place]} for offer in of.offers
        ],
        "problems": list(of.problems),
    }


def error(of: SkyflowError) -> Document:
    """Return an error; one in a service YAML carries every problem found."""
    document: Document = {
        "kind": type(of).__name__,
        "message": of.message,
        "remedy": of.remedy,
    }
    if isinstance(of, SpecError):
        document["source"] = of.source
        document["problems"] = [problem(each) for each in of.problems]
    return {"error": document}


def problem(of: Problem) -> Document:
    """Return one thing wrong with a service YAML, or worth knowing of it."""
    return {"key": of.key, "message": of.message, "line": of.line, "column": of.column}


def _replica(record: ReplicaRecord) -> Document:
    return {
        "id": record.replica_id,
        "version": record.version,
        "status": record.phase.value,
        "reason": record.reason,
        "endpoint": record.endpoint,
        "created_at": record.created_at,
        "status_since": record.phase_since,
        "ready_at": record.ready_at,
        "leaving": record.leaving,
        "attempt": record.attempt,
        "offer": _offer(record.offer) if record.offer else None,
    }


def _offer(offer: Offer) -> Document:
    return {**offer.place.model_dump(), **offer.model_dump(exclude={"place"})}
