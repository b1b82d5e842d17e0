"""Records become text; no record is needed for that but the ones given."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from cli.render import faults, text
from cli.render.deployment import failure, outcome, result
from cli.render.plan import plan
from cli.render.progress import changes, progress
from cli.render.services import services
from skyflow.errors import Problem, SkyflowError, SpecError, UsageError
from skyflow.placement.offers import Offer, Place, ResourceRequest
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.lookup import check_compatible
from skyflow.sdk.plan import Plan
from skyflow.sdk.views import ServiceView
from skyflow.state import (
    ReplicaPhase,
    ReplicaRecord,
    ServicePhase,
    ServiceSettings,
    ServiceStatus,
)
from tests.unit.offers import place

OFFER = Offer(
    place=Place(cloud="gcp", region="us-1", zone="us-1-a", instance_type="a2", use_spot=True),
    hourly_price=1.5,
    cpus=12,
    memory_gib=85,
    accelerator="A100",
    accelerator_count=1,
)


def shown(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def replica(replica_id: int, phase: ReplicaPhase, reason: str = "") -> ReplicaRecord:
    return ReplicaRecord(
        replica_id=replica_id, version=1, phase=phase, offer=OFFER, reason=reason, created_at=40
    )


def view(
    *replicas: ReplicaRecord,
    phase: ServicePhase = ServicePhase.READY,
    target: int = 2,
    reason: str = "",
    stale: bool = False,
) -> ServiceView:
    status = ServiceStatus(
        api_version=1,
        service="chat",
        incarnation="0000aaaa",
        phase=phase,
        reason=reason,
        version=1,
        spec_digest="d",
        target=target,
        port=30001,
        started_at=0,
        replicas=replicas,
        updated_at=90,
    )
    return ServiceView(status=status, endpoint="http://127.0.0.1:30001", stale=stale)


READY = replica(1, ReplicaPhase.READY)
FAILED = replica(2, ReplicaPhase.FAILED, "run ended with exit status 1")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (7500, "2h 5m"), (90000, "1d 1h"), (86405, "1d")],
)
def test_a_duration_has_two_units(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("dollars", "expected"), [(0, "$0.00"), (0.0042, "$0.0042"), (2.5, "$2.50")]
)
def test_a_small_price_is_told_from_nothing(dollars: float, expected: str) -> None:
    assert text.price(dollars) == expected


def test_a_size_is_in_the_largest_unit() -> None:
    assert [text.size(n) for n in (5, 2048, 3 << 30)] == ["5 bytes", "2.0 KiB", "3.0 GiB"]


def test_the_status_shows_what_ran_when_nobody_answered() -> None:
    printed = shown(services([view(READY, stale=True)], now=100))
    assert "chat: no worker answers; this is what was known 10s ago." in printed


def test_a_controller_of_another_version_is_noted() -> None:
    seen = view(READY)
    other = seen.model_copy(update={"status": seen.status.model_copy(update={"api_version": 99})})
    assert "chat: its controller is of another version" in shown(services([other], now=100))
    with pytest.raises(SkyflowError, match="version 99"):
        check_compatible(other.status)


def test_replicas_show_place_resources_and_reason() -> None:
    printed = shown(services([view(READY, FAILED)], now=100))
    assert "gcp/us-1/us-1-a [spot]" in printed
    assert "a2 (12 CPUs, 85 GiB, A100:1)" in printed
    assert "1m ago" in printed
    assert "FAILED (run ended with exit status 1)" in printed


def test_only_the_first_replicas_are_shown_unless_verbose() -> None:
    many = view(*(replica(n, ReplicaPhase.READY) for n in range(1, 15)))
    assert "... and 4 replicas more; -v shows all." in shown(services([many], now=100))
    assert "more" not in shown(services([many], now=100, verbose=True))


def test_what_a_replica_says_is_never_read_as_markup() -> None:
    odd = view(replica(1, ReplicaPhase.FAILED, "[bold]x[/bold] [/nonsense]"))
    assert "[bold]x[/bold] [/nonsense]" in shown(services([odd], now=100))


def test_progress_has_a_line_for_each_change_only() -> None:
    before = view(replica(1, ReplicaPhase.STARTING), phase=ServicePhase.REPLICA_INIT)
    after = view(READY, phase=ServicePhase.READY)
    assert changes(before, after) == [
        "replica 1: READY on gcp/us-1/us-1-a [spot]",
        "service chat: READY",
    ]
    assert changes(after, after) == []


def test_progress_says_when_the_endpoint_answers_already() -> None:
    assert "answers already: http://127.0.0.1:30001" in shown(progress(view(READY), now=100))


def plan_of(*places: str) -> Plan:
    settings = ServiceSettings(replicas=2, num_nodes=3, resources=(ResourceRequest(),), port=80)
    offers = tuple(
        OFFER.model_copy(update={"place": place(each), "hourly_price": 1.5}) for each in places
    )
    return Plan(name="chat", settings=settings, offers=offers, problems=("aws: no key",))


def test_the_plan_has_the_price_of_everything() -> None:
    printed = shown(plan(plan_of(*(f"gcp/r{n}/r{n}-a big" for n in range(10)))))
    assert "$9.00 per hour for all replicas" in printed
    assert "2 of 3 machines each, each listening on port 80" in printed
    assert "... and 2 offers more." in printed
    assert "Note: aws: no key" in printed


def test_the_plan_marks_where_replicas_go_and_puts_zones_together() -> None:
    places = ["aws/us-1/us-1a m", "aws/us-1/us-1b m", "gcp/eu/eu-a n spot"]
    rows = [" ".join(line.split()) for line in shown(plan(plan_of(*places))).splitlines()]
    assert "CHOSEN CLOUD REGION ZONES INSTANCE ACCELERATORS CPUS MEMORY SPOT $/HOUR EACH" in rows
    assert "-> 1 replica aws us-1 us-1a, b m A100:1 12 85 GiB no $1.50" in rows
    assert "-> 1 replica gcp eu eu-a n A100:1 12 85 GiB yes $1.50" in rows


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, "gone"),
        (view(FAILED, phase=ServicePhase.FAILED), "failed"),
        (view(READY), "degraded"),
        (view(READY, target=1), "ready"),
        (view(phase=ServicePhase.REPLICA_INIT), "deploying"),
        (view(phase=ServicePhase.SHUTTING_DOWN), "gone"),
    ],
)
def test_the_outcome_is_one_word(seen: ServiceView | None, expected: str) -> None:
    assert outcome(seen) == expected


@pytest.mark.parametrize(
    ("seen", "settled"),
    [
        (view(READY), False),
        (view(READY, FAILED), True),
        (view(READY, target=1), True),
        (view(FAILED, phase=ServicePhase.REPLICA_INIT), False),
        (view(FAILED, phase=ServicePhase.FAILED), True),
        (view(target=0, phase=ServicePhase.REPLICA_INIT), True),
    ],
)
def test_waiting_ends_when_there_is_nothing_to_wait_for(seen: ServiceView, settled: bool) -> None:
    assert seen.settled is settled


def test_the_result_has_one_line_to_try() -> None:
    printed = shown(result(view(READY, target=1), "http://127.0.0.1:1/x"))
    assert "1 of 1 replica ready" in printed
    assert "Try it    curl http://127.0.0.1:30001" in printed


def test_a_failure_shows_the_last_lines_of_the_replica() -> None:
    failed = view(FAILED, phase=ServicePhase.FAILED, reason="replica 2: FAILED")
    printed = shown(failure(failed, FAILED, [LogLine(2, 0, "run", "no such file")]))
    assert "Error: service chat failed: replica 2: FAILED" in printed
    assert "  run   | no such file" in printed


def test_a_problem_is_pointed_at() -> None:
    error = SpecError("a.yaml", [Problem("found 'x'; allowed: a number", "replicas", 2, 13)])
    printed = shown(faults.fault(error, "service:\n  replicas: x\n")).splitlines()
    assert printed[2:] == [
        "a.yaml:2:13: replicas: found 'x'; allowed: a number",
        "    2 |   replicas: x",
        "      |             ^",
    ]


def test_a_problem_without_a_place_has_no_line() -> None:
    error = SpecError("a.yaml", [Problem("is empty")])
    assert shown(faults.fault(error, "")).splitlines()[2:] == ["a.yaml: is empty"]


def test_an_error_has_its_remedy() -> None:
    assert shown(faults.fault(UsageError("no", "do it"))) == "Error: no\nTo do: do it\n"


def test_of_a_very_long_line_the_part_with_the_problem_is_shown() -> None:
    line = "x" * 500 + "!" + "y" * 500
    problem = Problem("found !", line=1, column=501)
    excerpt, marker = shown(faults.fault(SpecError("s.yaml", [problem]), line)).splitlines()[-2:]
    assert len(excerpt) < 200
    assert excerpt.index("!") == marker.index("^")
