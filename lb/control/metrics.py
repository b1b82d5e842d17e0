"""The balancer's counters in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lb.data.measures import OTHER_STATUS
from lb.reports import ServiceCounters
from skyflow.histograms import BOUNDS, PER_DOUBLING
from skyflow.load import Durations

_SERVICE = ["service"]
_REPLICA = ["service", "replica"]


def exposition(services: Sequence[ServiceCounters]) -> bytes:
    """Return the counters as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counters(services))
    return generate_latest(registry)


class _Counters(Collector):
    def __init__(self, services: Sequence[ServiceCounters]) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        yield self._requests()
        yield from self._of_replicas()
        yield from self._now()
        yield from self._histograms()
        yield from self._events()

    def _requests(self) -> Metric:
        requests = CounterMetricFamily(
            "skyflow_requests",
            "Requests that ended, by status; replica is empty if the balancer itself answered.",
            labels=[*_REPLICA, "code"],
        )
        for service in self._services:
            for replica, answers in service.requests.items():
                for status, count in answers.items():
                    code = "other" if status == str(OTHER_STATUS) else status
                    requests.add_metric([service.service, replica, code], count)
        return requests

    def _of_replicas(self) -> Iterator[Metric]:
        in_flight = GaugeMetricFamily(
            "skyflow_requests_in_flight", "Requests that replicas work on.", labels=_REPLICA
        )
        failures = CounterMetricFamily(
            "skyflow_replica_failures",
            "Connections refused or broken, and answers cut or not valid.",
            labels=_REPLICA,
        )
        for service in self._services:
            for replica in service.replicas:
                labels = [service.service, str(replica.replica_id)]
                in_flight.add_metric(labels, replica.in_flight)
                failures.add_metric(labels, replica.failures)
        yield from (in_flight, failures)

    def _now(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily(
            "skyflow_ready_replicas", "Replicas that get requests.", labels=_SERVICE
        )
        queue = GaugeMetricFamily(
            "skyflow_queue_length", "Requests that wait for a replica.", labels=_SERVICE
        )
        for service in self._services:
            ready.add_metric([service.service], service.load.ready_replicas)
            queue.add_metric([service.service], service.load.queued)
        yield from (ready, queue)

    def _histograms(self) -> Iterator[Metric]:
        for name, durations, meaning in _HISTOGRAMS:
            family = HistogramMetricFamily(f"skyflow_{name}_seconds", meaning, labels=_SERVICE)
            for service in self._services:
                found: Durations = getattr(service.load, durations)
                family.add_metric([service.service], _buckets(found), found.seconds)
            yield family

    def _events(self) -> Iterator[Metric]:
        arrivals = CounterMetricFamily(
            "skyflow_arrivals", "Requests that came, ended or not.", labels=_SERVICE
        )
        retries = CounterMetricFamily(
            "skyflow_retries", "Times a request went to one more replica.", labels=_SERVICE
        )
        ejections = CounterMetricFamily(
            "skyflow_ejections", "Times a replica was passed over from then on.", labels=_SERVICE
        )
        tokens = CounterMetricFamily(
            "skyflow_tokens", "Tokens by the `usage` of answers.", labels=[*_SERVICE, "kind"]
        )
        for service in self._services:
            load = service.load
            arrivals.add_metric([service.service], load.arrived)
            retries.add_metric([service.service], load.retries)
            ejections.add_metric([service.service], load.ejections)
            tokens.add_metric([service.service, "prompt"], load.prompt_tokens)
            tokens.add_metric([service.service, "completion"], load.completion_tokens)
        yield from (arrivals, retries, ejections, tokens)


_HISTOGRAMS = (
    (
        "request_duration",
        "latency",
        "From the head of a request to the end of its answer, if a replica was chosen; no tunnels.",
    ),
    (
        "time_to_first_byte",
        "first_byte",
        "From the head of a request to the first byte of a replica's answer.",
    ),
    (
        "queue_wait",
        "queue_wait",
        "From the head of a request until a replica was chosen, or it was given up.",
    ),
    ("stream_duration", "stream", "From first byte to last, of event streams and tunnels."),
)
"""Name, what it is in a `ServiceLoad`, and meaning."""


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Return how many durations do not exceed each doubling: a series each is enough of them."""
    below, buckets = 0, []
    for number, (bound, count) in enumerate(zip(BOUNDS, durations.counts, strict=False)):
        below += count
        if number % PER_DOUBLING == 0:
            buckets.append((f"{bound:g}" if bound < 1 else f"{bound:.3f}", float(below)))
    return [*buckets, ("+Inf", float(durations.count))]
