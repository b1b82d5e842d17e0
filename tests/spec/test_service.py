from __future__ import annotations

import json

import pytest

from skyflow.state import QueueLimits
from tests.spec.conftest import MINIMAL, Load, Refuse


def test_an_empty_service_has_the_known_defaults(load: Load) -> None:
    task = load(MINIMAL)
    probe = task.service.readiness_probe
    assert (probe.path, probe.initial_delay_seconds, probe.timeout_seconds) == ("/", 1200, 15)
    assert probe.endpoint_probe_interval_seconds == 10
    assert probe.consecutive_failure_threshold_timeout == 180
    settings = task.settings()
    assert (settings.replicas, settings.port, settings.drain_seconds) == (1, 8080, 120)
    assert (settings.load_balancing_policy, settings.retry) == ("least_load", "safe")
    assert settings.stream_timeout_seconds == 120
    assert task.name is None


@pytest.mark.parametrize(
    ("given", "queue"),
    [
        ("replicas: 1", None),
        ("max_concurrency: 4", QueueLimits(max_requests=1000, max_wait_seconds=60)),
        ("queue: {max_requests: 5}", QueueLimits(max_requests=5, max_wait_seconds=60)),
    ],
)
def test_requests_wait_if_there_is_a_queue_or_a_limit(
    load: Load, given: str, queue: QueueLimits | None
) -> None:
    assert load(f"service: {{{given}}}\nrun: x").settings().queue == queue


@pytest.mark.parametrize("form", ["text", "json", "off", "'off'"])
def test_the_access_log_has_a_form_or_is_off(load: Load, form: str) -> None:
    task = load(f"service: {{load_balancer: {{access_log: {form}}}}}\nrun: x")
    assert task.settings().access_log == form.strip("'")


@pytest.mark.parametrize("probe", ["/health", "{path: /health}"])
def test_a_probe_is_a_path_or_a_mapping(load: Load, probe: str) -> None:
    task = load(f"service: {{readiness_probe: {probe}}}\nrun: x")
    assert task.service.readiness_probe.path == "/health"


@pytest.mark.parametrize("data", ["{a: 1, b: [x, true]}", '\'{"a": 1, "b": ["x", true]}\''])
def test_post_data_is_a_mapping_or_json(load: Load, data: str) -> None:
    task = load(f"service: {{readiness_probe: {{path: /, post_data: {data}}}}}\nrun: x")
    sent = task.service.readiness_probe.post_data
    assert sent
    assert json.loads(sent) == {"a": 1, "b": ["x", True]}


@pytest.mark.parametrize(
    ("count", "replicas"),
    [
        ("replicas: 3", 3),
        ("replicas: 0", 0),
        ("replica_policy: {min_replicas: 2}", 2),
        ("replica_policy: {min_replicas: 2, max_replicas: 2}", 2),
    ],
)
def test_replicas_are_counted(load: Load, count: str, replicas: int) -> None:
    assert load(f"service: {{{count}}}\nrun: x").settings().replicas == replicas


def test_machines_of_all_replicas_together_are_limited(load: Load, refuse: Refuse) -> None:
    assert load("num_nodes: 10\nservice: {replicas: 100}\nrun: x").num_nodes == 10
    (found,) = refuse("num_nodes: 10\nservice: {replicas: 101}\nrun: x")
    assert "service: asks for 1010 machines" in found
    assert "allowed: at most 1000" in found


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("replicas: -1", "1:21 service.replicas: found -1; allowed: 0 or more"),
        ("replicas: 1.5", "1:21 service.replicas: found 1.5; allowed: a whole number"),
        ("replicas: two", "1:21 service.replicas: found 'two'; allowed: a whole number"),
        ("replicas: true", "1:21 service.replicas: found true; allowed: a whole number"),
        ("replicas: 1001", "1:21 service.replicas: found 1001; allowed: at most 1000"),
        (
            "replicas: 1, replica_policy: {min_replicas: 1}",
            "1:24 service.replica_policy: is given beside `replicas`; allowed: one of the two",
        ),
        (
            "replica_policy: {}",
            "1:11 service.replica_policy.min_replicas: is missing; add the number of replicas",
        ),
        (
            "replica_policy: {min_replicas: 2, max_replicas: 1}",
            "1:59 service.replica_policy.max_replicas: found 1; allowed: at least min_replicas (2)",
        ),
        (
            "readiness_probe: health",
            "1:28 service.readiness_probe: found 'health'; allowed: a path that starts with / "
            "and holds no blanks",
        ),
        (
            "readiness_probe: [/]",
            "1:11 service.readiness_probe: found a list; allowed: a path such as /health, "
            "or a mapping",
        ),
        (
            "readiness_probe: {timeout_seconds: -1}",
            "1:46 service.readiness_probe.timeout_seconds: found -1; allowed: a number above 0",
        ),
        (
            "readiness_probe: {initial_delay_seconds: -1}",
            "1:52 service.readiness_probe.initial_delay_seconds: found -1; allowed: 0 or more",
        ),
        (
            "readiness_probe: {post_data: '{'}",
            "1:40 service.readiness_probe.post_data: found '{'; allowed: a mapping, or text that "
            "is JSON",
        ),
        (
            "readiness_probe: {headers: {A: 1}}",
            "1:42 service.readiness_probe.headers.A: found 1; allowed: text; put it in quotes",
        ),
        (
            'readiness_probe: {headers: {A: "x\\r\\nB: y"}}',
            "1:42 service.readiness_probe.headers.A: holds a line break or another control "
            "character",
        ),
        (
            "readiness_probe: {headers: {'A B': x}}",
            "1:39 service.readiness_probe.headers.A B: 'A B' cannot name a header",
        ),
        (
            "retry: no",
            "1:18 service.retry: found no; did you mean 'none'?; allowed: 'safe', 'all' or 'none'",
        ),
        ("ports: 70000", "1:18 service.ports: found 70000; allowed: at most 65535"),
        ("drain_seconds: -5", "1:26 service.drain_seconds: found -5; allowed: 0 or more"),
        (
            "load_balancer: {stream_timeout_seconds: 0}",
            "1:51 service.load_balancer.stream_timeout_seconds: found 0; allowed: a number above 0",
        ),
        (
            "load_balancer: {access_log: xml}",
            "1:39 service.load_balancer.access_log: found 'xml'; allowed: 'text', 'json' or 'off'",
        ),
        (
            "pool: {}",
            "1:11 service.pool: makes a pool of workers for jobs, which skyflow does not "
            "run; allowed: `replicas`",
        ),
    ],
)
def test_service_mistakes_are_named(refuse: Refuse, service: str, problem: str) -> None:
    assert refuse(f"service: {{{service}}}\nrun: x") == [problem]


@pytest.mark.parametrize("run", ["", "run:\n", 'run: ""\n', "run: '  '\n"])
def test_a_service_needs_something_to_run(refuse: Refuse, run: str) -> None:
    (problem,) = refuse(f"service: {{}}\n{run}")
    assert "the command that starts the server" in problem


@pytest.mark.parametrize("service", ["", "service:\n"])
def test_a_task_without_service_is_refused(refuse: Refuse, service: str) -> None:
    (problem,) = refuse(f"run: x\n{service}")
    assert problem.endswith(
        "service: is missing; add `service: {}` for a service with all defaults"
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_file(refuse: Refuse) -> None:
    text = """
nmae: x
resources: {cpus: none, accelerator: L4}
service:
  replica: 2
  readiness_probe: {path: v1, timeout_seconds: 0}
"""
    keys = [problem.split(": ")[0].split(" ")[1] for problem in refuse(text)]
    assert keys == [
        "nmae",
        "resources.cpus",
        "resources.accelerator",
        "service.replica",
        "service.readiness_probe.path",
        "service.readiness_probe.timeout_seconds",
        "run",
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nmae: x", "did you mean 'name'?"),
        ("replicas: 2", "did you mean `service.replicas`?"),
        (
            "initial_delay_seconds: 2",
            "did you mean `service.readiness_probe.initial_delay_seconds`",
        ),
        ("use_spot: true", "did you mean `resources.use_spot`?"),
        ("redacted: x", "unknown key"),
        ("target_qps_per_replica: 1", "did you mean `service.replica_policy.target_qps_per_rep"),
        ("pool: {workers: 1}", "makes a pool of workers for jobs"),
    ],
)
def test_unknown_keys_get_a_suggestion(refuse: Refuse, text: str, hint: str) -> None:
    (problem,) = refuse(f"{text}\n{MINIMAL}")
    assert hint in problem


def test_settings_of_the_balancer_reach_what_workflows_decide_by(load: Load) -> None:
    settings = load(
        "service:\n  load_balancing_policy: prefix_affinity\n  load_balancer:\n"
        "    {slow_start_seconds: 3, prefix_bytes: 100, session_header: X-Session}\nrun: x"
    ).settings()
    assert (settings.slow_start_seconds, settings.prefix_bytes) == (3, 100)
    assert settings.session_header == "X-Session"


def test_what_accelerators_can_take_reaches_what_workflows_decide_by(load: Load) -> None:
    task = load(
        "service:\n  load_balancing_policy: instance_aware_least_load\n  replica_policy:\n"
        "    {min_replicas: 2, max_replicas: 2, target_qps_per_replica: {L4: 1, H100: 8}}\nrun: x"
    )
    assert task.unsupported() == ()
    assert task.settings().qps_by_accelerator == {"L4": 1, "H100": 8}
