"""Everything that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.lb.proxies.base import Place, Proxy
from benchmarks.lb.proxies.haproxy import HAProxy, HAProxyFull
from benchmarks.lb.proxies.nginx import Nginx
from benchmarks.lb.proxies.plain_aiohttp import PlainAiohttp
from benchmarks.lb.proxies.routers import SglangRouter, VllmRouter
from benchmarks.lb.proxies.skyflow import Skyflow, SkyflowCompiled
from benchmarks.lb.proxies.skyserve import SkyServe

__all__ = ["PROXIES", "REFERENCE", "Place", "Proxy", "Skyflow"]

PROXIES: tuple[type[Proxy], ...] = (
    HAProxy,
    HAProxyFull,
    Nginx,
    Skyflow,
    SkyflowCompiled,
    VllmRouter,
    SglangRouter,
    PlainAiohttp,
    SkyServe,
)
REFERENCE = HAProxy.name
"""What the others are compared with."""
