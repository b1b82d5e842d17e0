"""Runs all proxies by turns, so that what else the computer does meets all of them alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lb.cache import Unavailable
from benchmarks.lb.cost import cpu_seconds, memory_mib
from benchmarks.lb.load import run_load
from benchmarks.lb.native import Native
from benchmarks.lb.parts import READY_TARGET, WARM_UP, Part
from benchmarks.lb.processes import Cores, free_ports, running, wait_for_answer
from benchmarks.lb.proxies import Place, Proxy
from benchmarks.lb.results import DIRECT, Measurement

_REPLICAS = 2


@dataclass(frozen=True)
class Bench:
    """What is the same in all rounds."""

    native: Native
    cores: Cores
    parts: Sequence[Part]
    seconds: float
    """How long each part is measured."""
    say: Callable[[str], None]

    def run(self, proxies: Sequence[Proxy], rounds: int) -> Iterator[Measurement]:
        """Yield a measurement for each part of each proxy and round."""
        for number in range(1, rounds + 1):
            yield from self._direct(number)
            for proxy in proxies:
                self.say(f"round {number} of {rounds}: {proxy.name}")
                yield from self._proxy(number, proxy)

    def _direct(self, number: int) -> Iterator[Measurement]:
        with self._replicas() as place:
            yield from self._measured(number, DIRECT, place.replicas[0], None, place.home)

    def _proxy(self, number: int, proxy: Proxy) -> Iterator[Measurement]:
        with self._replicas() as place, proxy.beside(place):
            log = place.home / "output"
            environment = proxy.environment(place)
            with running(proxy.command(place), self.cores.proxy, log, environment) as process:
                try:
                    proxy.started(place)
                    wait_for_answer(process, place.port, READY_TARGET, log)
                    run_load(self.native.load, place.port, WARM_UP, place.home, lambda: None)
                except Unavailable as error:
                    yield Measurement(number, proxy.name, "start", problem=str(error))
                    return
                yield from self._measured(number, proxy.name, place.port, process.pid, place.home)

    def _measured(
        self, number: int, name: str, port: int, pid: int | None, home: Path
    ) -> Iterator[Measurement]:
        for part in self.parts:
            try:
                yield self._measure(number, name, part, port, pid, home)
            except Unavailable as error:
                yield Measurement(number, name, part.name, problem=str(error))

    def _measure(
        self, number: int, name: str, part: Part, port: int, pid: int | None, home: Path
    ) -> Measurement:
        used: list[float] = []
        memory: list[float] = []

        def mark() -> None:
            used.append(cpu_seconds(pid) if pid else 0.0)
            memory.append(memory_mib(pid) if pid and used[1:] else 0.0)

        outcome = run_load(self.native.load, port, part.load(self.seconds), home, mark)
        units = part.units(outcome)
        if not units:
            return Measurement(number, name, part.name, problem="refused or not delivered")
        return Measurement(
            number,
            name,
            part.name,
            cpu_us=(used[1] - used[0]) / units * 1e6 if pid else None,
            per_second=units / outcome.seconds,
            memory_mib=memory[1] if pid else None,
            p50_us=outcome.p50_us,
            p99_us=outcome.p99_us,
            errors=outcome.errors,
        )

    @contextmanager
    def _replicas(self) -> Iterator[Place]:
        """Run replicas with nothing of an earlier run, and find a place for a proxy."""
        port, *ports = free_ports(1 + _REPLICAS)
        with tempfile.TemporaryDirectory(prefix="lbbench-") as folder:
            place = Place(Path(folder), port, tuple(ports))
            log = place.home / "replicas"
            command = [str(self.native.replicas), *map(str, ports)]
            with running(command, self.cores.load, log) as process:
                for each in ports:
                    wait_for_answer(process, each, READY_TARGET, log)
                yield place


def installed(
    proxies: Iterable[Proxy], say: Callable[[str], None]
) -> tuple[list[Proxy], dict[str, str], dict[str, str]]:
    """Return those proxies that can be had, their versions, and why the others cannot."""
    found: list[Proxy] = []
    versions: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for proxy in proxies:
        try:
            versions[proxy.name] = proxy.install()
            found.append(proxy)
        except Unavailable as error:
            skipped[proxy.name] = str(error)
            say(f"skipped {proxy.name}: {error}")
    return found, versions, skipped
