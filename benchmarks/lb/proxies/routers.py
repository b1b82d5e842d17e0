"""Routers for language models, written in Rust, from PyPI."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.lb.processes import free_ports
from benchmarks.lb.proxies.base import Place, Proxy
from benchmarks.lb.venvs import venv_of


class VllmRouter(Proxy):
    """The router of vLLM."""

    name: str = "vllm-router"
    _requirement: ClassVar[str] = "vllm-router==0.1.17"
    _arguments: ClassVar[tuple[str, ...]] = ()

    def install(self) -> str:
        """Install it."""
        venv_of(self._requirement)
        return self._requirement

    def command(self, place: Place) -> list[str]:
        """Return the command; it listens with its metrics on a port of their own."""
        (metrics,) = free_ports(1)
        program = str(venv_of(self._requirement) / self.name)
        listening = ["--host", "127.0.0.1", "--port", str(place.port)]
        measures = ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(metrics)]
        policy = ["--policy", "round_robin", "--log-level", "error"]
        workers = ["--worker-urls", *place.urls]
        return [program, *self._arguments, *listening, *measures, *policy, *workers]


class SglangRouter(VllmRouter):
    """The router of SGLang."""

    name = "sglang-router"
    _requirement = "sglang-router==0.3.2"
    _arguments = ("launch",)
