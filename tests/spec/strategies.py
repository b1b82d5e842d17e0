"""Whole service YAMLs that are valid, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from skyflow.spec.numbers import MAX_MACHINES
from skyflow.spec.section import Section, section_of

Values = SearchStrategy[Any]


def keys(section: type[Section]) -> Iterator[str]:
    """Yield every key of a section and of those in it."""
    for key, field in section.model_fields.items():
        yield key
        inner = section_of(field.annotation)
        if inner is not None and inner is not section:
            yield from keys(inner)


def mapping(**optional: Values) -> Values:
    return st.fixed_dictionaries({}, optional=optional)


SECONDS = st.floats(0.001, 1e6) | st.integers(1, 10_000)
WORD = st.from_regex("[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
TEXT = st.text("aZ09 :#-'\"\n\té語{}[]&*!|>%@`,?~", max_size=12)
SCALAR = st.none() | st.booleans() | st.integers() | TEXT
ANYTHING = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)
COUNT = st.integers(0, 1000)
REPLICAS = st.integers(0, 600)
LIMIT = st.integers(1, 10**6)
RATE = st.floats(0.001, 1e6)
SHARE = st.integers(1, 1000) | st.integers(1, 100).map(lambda n: f"{n}%")
ACCELERATOR = st.sampled_from(
    ["L4", "a10g:8", "A100-80GB:2", "V100:0.5", "tpu-v5e-8", "80GB+", "nvidia:40GB:2", "Own:3"]
)
ACCELERATORS = (
    ACCELERATOR
    | st.lists(ACCELERATOR, min_size=1, max_size=4)
    | st.dictionaries(ACCELERATOR, st.none(), min_size=1, max_size=4)
)
PORTS = st.just(8080) | st.just("8080-8090") | st.just([22, "8080", "9000-9010"])

PROBE = st.sampled_from(["/", "/health?q=1"]) | mapping(
    path=st.just("/v1/models"),
    initial_delay_seconds=SECONDS,
    timeout_seconds=SECONDS,
    endpoint_probe_interval_seconds=SECONDS,
    consecutive_failure_threshold_timeout=SECONDS,
    post_data=st.dictionaries(WORD, ANYTHING, max_size=3) | st.just('{"a": [1, 2]}'),
    headers=st.dictionaries(WORD, st.text("aZ é:", max_size=9), max_size=3),
)
SCHEDULE = st.lists(
    st.fixed_dictionaries(
        {
            "cron": st.sampled_from(["0 8 * * mon-fri", "*/5 0-6,12 1 jan 7"]),
            "min_replicas": REPLICAS,
        },
        optional={"timezone": st.sampled_from(["UTC", "Europe/Berlin"])},
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(REPLICAS)
    free: dict[str, Any] = draw(
        mapping(
            upscale_delay_seconds=SECONDS,
            downscale_delay_seconds=SECONDS,
            num_overprovision=st.integers(0, 400),
            dynamic_ondemand_fallback=st.booleans(),
            base_ondemand_fallback_replicas=st.integers(0, least),
            availability_target=st.floats(0.01, 0.999),
            schedule=SCHEDULE,
        )
    )
    if not draw(st.booleans()):
        return {"min_replicas": least, **free}
    targets: dict[str, Any] = draw(
        mapping(
            target_ongoing_requests_per_replica=RATE,
            target_queue_length_per_replica=RATE,
            target_latency_p95_seconds=SECONDS,
            target_ttft_p95_seconds=SECONDS,
        )
    )
    bounds = {"min_replicas": least, "max_replicas": draw(st.integers(least, 600))}
    return {**bounds, **free, **targets, "target_qps_per_replica": draw(RATE)}


CANARY = st.fixed_dictionaries(
    {
        "steps": st.lists(st.integers(1, 100), min_size=1, max_size=4, unique=True).map(
            lambda weights: [{"weight": weight} for weight in sorted(weights)]
        )
    },
    optional={"analysis": mapping(max_error_rate=st.floats(0, 1), min_requests=LIMIT)},
)
UPDATE = mapping(
    max_surge=SHARE,
    max_unavailable=SHARE,
    min_ready_seconds=SECONDS,
    progress_deadline_seconds=SECONDS,
    retain_seconds=SECONDS,
)


def _with_limit(service: dict[str, Any]) -> dict[str, Any]:
    """Return a service in which requests can wait if their number is a target."""
    policy = service.get("replica_policy", {})
    if "target_queue_length_per_replica" not in policy:
        return service
    return {"max_concurrency": 4, **service}


SERVICE = mapping(
    readiness_probe=PROBE,
    replica_policy=policies(),
    load_balancing_policy=st.sampled_from(["least_load", "round_robin"]),
    load_balancer=mapping(
        stream_timeout_seconds=SECONDS, access_log=st.sampled_from(["text", "json", "off", False])
    ),
    ports=st.just(8080),
    tls=st.builds(lambda: {"keyfile": "/k.pem", "certfile": "/c.pem"}),
    retry=st.sampled_from(["safe", "all", "none"]),
    timeout_seconds=SECONDS,
    max_concurrency=LIMIT,
    queue=mapping(max_requests=COUNT, max_wait_seconds=SECONDS),
    drain_seconds=st.integers(0, 86400),
    # Made anew each time: other tests change what they are given.
    auth=st.builds(lambda: {"api_keys": ["key-number-1", "key-number-2"]}),
    rate_limit=st.fixed_dictionaries({"requests_per_second": RATE}, optional={"burst": LIMIT}),
    update=UPDATE | CANARY.map(lambda canary: {"mode": "canary", "canary": canary}),
).map(_with_limit)
SHAPE: dict[str, Values] = {
    "cpus": st.sampled_from([4, 0.5, "4+", "2"]),
    "memory": st.sampled_from([16, "16+", "512MB", "1TB+"]),
    "instance_type": WORD,
    "max_hourly_cost": st.floats(0.01, 1000),
    "disk_size": st.sampled_from([100, "512GB", "1TB"]),
    "disk_tier": st.sampled_from(["low", "BEST", "none"]),
    "network_tier": st.sampled_from(["standard", "Best"]),
    "local_disk": st.just("nvme:300+"),
    "image_id": st.just("docker:a/b:c") | st.dictionaries(WORD, WORD, min_size=1, max_size=2),
    "labels": st.dictionaries(WORD, TEXT, max_size=2),
    "accelerator_args": st.dictionaries(WORD, ANYTHING, max_size=2),
    "volumes": st.lists(st.dictionaries(WORD, ANYTHING, max_size=2), max_size=2),
    "autostop": ANYTHING,
    "priority": ANYTHING,
    "job_recovery": ANYTHING,
}
PLACES = (
    st.fixed_dictionaries({"infra": st.sampled_from(["aws/us-east-1", "*", "k8s/a/b"])})
    | mapping(cloud=st.sampled_from(["AWS", "gcp"]), region=WORD, zone=WORD)
)  # fmt: skip


def merged(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


ENTRY = st.tuples(mapping(**SHAPE, accelerators=ACCELERATOR), PLACES).map(merged)
ENTRIES = st.lists(ENTRY, min_size=1, max_size=3)
ALTERNATIVES = (
    st.fixed_dictionaries({"any_of": ENTRIES})
    | st.fixed_dictionaries({"ordered": ENTRIES})
    | mapping(accelerators=ACCELERATORS)
)  # fmt: skip
RESOURCES = st.tuples(
    st.fixed_dictionaries({"use_spot": st.just(True), "ports": PORTS}, optional=SHAPE),
    PLACES,
    ALTERNATIVES,
).map(merged)
STORAGE = st.fixed_dictionaries(
    {"name": WORD},
    optional={
        "source": st.just("gs://bucket") | st.just(["~/a", "/b"]),
        "store": st.sampled_from(["S3", "gcs"]),
        "mode": st.sampled_from(["MOUNT", "copy", "MOUNT_CACHED"]),
        "persistent": st.booleans(),
        "config": ANYTHING,
    },
)
FILES = st.dictionaries(
    WORD.map(lambda word: f"/{word}"),
    st.just("/some/where") | st.just("s3://bucket/x") | STORAGE,
    max_size=3,
)
VARIABLES = st.dictionaries(
    st.from_regex("[A-Z]{1,6}", fullmatch=True),
    TEXT | st.integers() | st.booleans() | st.floats(-100, 100),
    max_size=3,
)


def _few_machines(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that stays within the machines that all replicas together may have."""
    service = document["service"]
    policy = service.get("replica_policy") or {}
    counts = [policy.get("min_replicas"), policy.get("max_replicas"), service.get("replicas")]
    counts += [entry["min_replicas"] for entry in policy.get("schedule", ())]
    most = max(int(count or 0) for count in counts) + int(policy.get("num_overprovision") or 0)
    replicas = most or 1
    nodes = min(document.get("num_nodes", 1), MAX_MACHINES // replicas)
    return {**document, "num_nodes": nodes}


DOCUMENTS: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        # One of `resources.ports` in each of its forms.
        "service": SERVICE.map(lambda service: {**service, "ports": 8080}),
        "resources": RESOURCES,
        "run": TEXT.map(lambda text: f"serve {text}"),
    },
    optional={
        "name": WORD,
        "num_nodes": st.integers(1, 100),
        "workdir": st.just("/some/where") | st.just({"url": "https://host/x", "ref": "main"}),
        "file_mounts": FILES,
        "volumes": st.dictionaries(WORD, ANYTHING, max_size=2),
        "setup": TEXT,
        "envs": VARIABLES,
        "config": ANYTHING,
        "experimental": ANYTHING,
    },
).map(_few_machines)
