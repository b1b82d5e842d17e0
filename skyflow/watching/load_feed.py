"""One long poll of each balancer for all services that a worker watches."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import aiohttp

from skyflow.watching.balancer_load import BalancerError, read_load
from skyflow.watching.load_views import LoadView, LoadViews

Admins = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the URLs of the balancers' admin ports by balancer; empty for one that has none."""

GATHERING_SECONDS = 0.25
"""How soon a balancer is asked again that has woken somebody: the first request at zero rarely
comes alone, and a fraction of the time in which the fastest of servers starts tells how many."""
WAIT_SECONDS = 1.0
"""How long a balancer waits with its answer while nothing wakes a service."""
_SHORTEST_SECONDS = 0.1
"""Shortest time between two questions: however many services are woken, an answer has all."""
_RETRY_SECONDS = 0.5
_INTERVAL_SECONDS = 0.9
"""Shortest time between two views that nothing urgent is in: a little less than a wait, so that
each answer makes one."""
_PATIENCE_SECONDS = 2.0
"""Longest time between two views, when no balancer answers."""
_ADMINS_SECONDS = 30.0
"""Time between two looks at which balancers there are."""
_ADMINS_SOON_SECONDS = 2.0
"""The same while one that counts does not answer, as it may have moved, and while there is none."""

_log = logging.getLogger(__name__)


class LoadFeed:
    """What balancers say of services, for everybody in this process who wants to know.

    It asks for as long as there are subscriptions, however many: each balancer by one loop.
    """

    def __init__(self, admins: Admins) -> None:
        """Prepare; nothing is asked before the first subscription.

        Args:
            admins: Tells where the balancers' admin ports are. What it said last holds while it
                raises.

        """
        self._admins = admins
        self._views = LoadViews()
        self._subscriptions: set[Subscription] = set()
        self._running: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, service: str, incarnation: str) -> AsyncIterator[Subscription]:
        """Give a subscription to what is said of one incarnation of a service."""
        subscription = Subscription(self._views, service, incarnation)
        self._subscriptions.add(subscription)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                await self._end()

    async def _end(self) -> None:
        running, self._running = self._running, None
        self._views = LoadViews()
        if running:
            running.cancel()
            await asyncio.wait([running])

    async def _run(self) -> None:
        """Keep one loop for each balancer there is."""
        loops: dict[tuple[str, str], asyncio.Task[None]] = {}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    self._moved.clear()
                    await self._look(session, loops)
                    await asyncio.sleep(_ADMINS_SOON_SECONDS)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_ADMINS_SECONDS - _ADMINS_SOON_SECONDS):
                            await self._moved.wait()
            finally:
                for task in loops.values():
                    task.cancel()
                await asyncio.gather(*loops.values(), return_exceptions=True)

    async def _look(
        self, session: aiohttp.ClientSession, loops: dict[tuple[str, str], asyncio.Task[None]]
    ) -> None:
        try:
            admins = await self._admins()
        except Exception as error:
            _log.warning("where balancers are is not known anew: %s", error)
            self._moved.set()
            return
        self._views.know(admins, time.monotonic())
        wanted = {(balancer, admin) for balancer, admin in admins.items() if admin}
        if not wanted:
            self._moved.set()
        for gone in [each for each, loop in loops.items() if each not in wanted or loop.done()]:
            loops.pop(gone).cancel()
        for each in sorted(wanted - loops.keys()):
            loops[each] = asyncio.create_task(self._follow(session, *each))

    async def _follow(self, session: aiohttp.ClientSession, balancer: str, admin: str) -> None:
        after, problem, wait = "", "", WAIT_SECONDS
        while True:
            asked_at = time.monotonic()
            try:
                report = await read_load(session, admin, after, wait)
            except BalancerError as error:
                self._views.failed(balancer, time.monotonic())
                if self._views.counts(balancer, time.monotonic()):
                    self._moved.set()
                if str(error) != problem:
                    _log.warning("the load at balancer %s is not known: %s", balancer, error)
                problem = str(error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if problem:
                _log.info("the load at balancer %s is known again", balancer)
            after, problem = report.cursor, ""
            now = time.monotonic()
            woken = self._views.heard(balancer, report, now)
            wait = GATHERING_SECONDS if woken else WAIT_SECONDS
            for subscription in self._subscriptions:
                subscription.tell(now, urgent=subscription.name in woken)
            await asyncio.sleep(max(0, asked_at + _SHORTEST_SECONDS - now))


class Subscription:
    """Views of one incarnation of a service, about one a second."""

    def __init__(self, views: LoadViews, service: str, incarnation: str) -> None:
        """Begin; only a `LoadFeed` makes one."""
        self.name = (service, incarnation)
        self._views = views
        self._given_at = time.monotonic()
        self._first = True
        self._eager = False
        self._urgent = False
        self._urgent_at = -math.inf
        self._told = asyncio.Event()

    def tell(self, now: float, *, urgent: bool) -> None:
        """Note that a balancer was heard; urgent if it woke this service."""
        self._urgent = self._urgent or urgent
        # There are hundreds of others: none is stirred for what it would not give away yet.
        if self._first or self._eager or self._urgent or now >= self._given_at + _INTERVAL_SECONDS:
            self._told.set()

    async def next(self) -> LoadView:
        """Return the next view.

        One comes about each second, at once when a request comes while no replica is ready (once
        a second at most), and after two seconds if no balancer answers. One that is not complete
        tells nothing of the load as a whole.
        """
        return await self._when(self._is_due)

    async def newer(self) -> LoadView:
        """Return a view with a report that came after the last view, however soon that is.

        If none comes within two seconds, the view is not complete.
        """
        self._eager = True
        try:
            return await self._when(lambda view, _: view.at > self._given_at)
        finally:
            self._eager = False

    def __aiter__(self) -> Subscription:
        """Return itself: an endless iterator of views."""
        return self

    async def __anext__(self) -> LoadView:
        """Return the next view."""
        return await self.next()

    async def _when(self, due: Callable[[LoadView, float], bool]) -> LoadView:
        """Return a view once it is due, or has been waited for too long."""
        while True:
            now = time.monotonic()
            self._told.clear()
            view = self._views.view(*self.name, now)
            left = self._given_at + _PATIENCE_SECONDS - now
            if left <= 0 or due(view, now):
                return self._given(view, now)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._told.wait()

    def _is_due(self, view: LoadView, now: float) -> bool:
        if self._urgent and now >= self._urgent_at + _INTERVAL_SECONDS:
            return True
        if self._first:
            return view.complete
        return view.at > self._given_at and now >= self._given_at + _INTERVAL_SECONDS

    def _given(self, view: LoadView, now: float) -> LoadView:
        if self._urgent:
            self._urgent, self._urgent_at = False, now
        self._first, self._given_at = False, now
        return view
