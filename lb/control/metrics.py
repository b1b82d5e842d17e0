"""The data plane's counters in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lb.reports import ServiceCounters, Services


def exposition(services: Services) -> bytes:
    """Return the counters as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counters(services))
    return generate_latest(registry)


class _Counters(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services.services

    def collect(self) -> Iterator[Metric]:
        labels = ["service", "replica"]
        requests = CounterMetricFamily(
            "skyflow_lb_requests",
            "Answers by status; replica is empty for those of the balancer itself.",
            labels=[*labels, "code"],
        )
        failures = CounterMetricFamily(
            "skyflow_lb_replica_failures",
            "Connections refused or broken, and answers cut or not valid.",
            labels=labels,
        )
        in_flight = GaugeMetricFamily(
            "skyflow_lb_in_flight", "Requests being answered.", labels=labels
        )
        for service in self._services:
            _add(service, requests, failures, in_flight)
        yield from (requests, failures, in_flight)


def _add(
    service: ServiceCounters,
    requests: CounterMetricFamily,
    failures: CounterMetricFamily,
    in_flight: GaugeMetricFamily,
) -> None:
    for code, count in service.codes.items():
        requests.add_metric([service.service, "", code], count)
    for replica in service.replicas:
        labels = [service.service, str(replica.replica_id)]
        for code, count in replica.codes.items():
            requests.add_metric([*labels, code], count)
        failures.add_metric(labels, replica.failures)
        in_flight.add_metric(labels, replica.in_flight)
