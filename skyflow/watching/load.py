"""Watching the load of one service until another number of replicas should serve it: no effects."""

from __future__ import annotations

from skyflow.autoscaling.autoscaler import evaluate
from skyflow.autoscaling.metering import observe
from skyflow.autoscaling.observation import Observation
from skyflow.autoscaling.progress import LoadProgress
from skyflow.contracts import LoadWatchRequest, LoadWatchResult
from skyflow.load import LoadReport
from skyflow.watching.load_views import LoadView


class LoadWatch:
    """One watch: looks go in, and at some time a result comes out."""

    def __init__(self, request: LoadWatchRequest, resumed: LoadProgress | None = None) -> None:
        """Begin a watch, or go on with one that another worker began.

        Args:
            request: What is watched.
            resumed: How far that worker was.

        """
        self._request = request
        self._progress = resumed or request.progress
        self._in_flight: dict[int, int] = {}

    @property
    def progress(self) -> LoadProgress:
        """How far the watch is."""
        return self._progress

    def is_burst(self, view: LoadView) -> bool:
        """Return whether requests have come to a service that has no replica, and should have one.

        They rarely come alone: a moment later it is known how many there are.
        """
        if not view.complete or self._request.fleet.target > 0:
            return False
        total = view.report.total(self._request.service, self._request.incarnation)
        return total.in_flight + total.queued > 0

    def look(self, view: LoadView, now: float) -> LoadWatchResult | None:
        """Take in what balancers have counted.

        Args:
            view: What they have counted so far; it tells nothing if one does not answer.
            now: Time (Unix, seconds).

        Returns:
            The result if the watch is over: there should be another number of replicas, other
            bounds hold, or it is time to renew the watch.

        """
        request = self._request
        observation = self._observe(view.report, now) if view.complete else None
        memory, fleet = self._progress.memory, request.fleet
        found = evaluate(request.settings, memory, observation, fleet, now)
        self._progress = self._progress.model_copy(
            update={"memory": found.memory, "explanation": found.explanation}
        )
        bounds = found.explanation.bounds
        if found.target == fleet.target and bounds == request.bounds and now < request.renew_at:
            return None
        return LoadWatchResult(
            target=found.target, bounds=bounds, in_flight=self._in_flight, progress=self._progress
        )

    def unchanged(self) -> LoadWatchResult:
        """Return the result of a watch that was broken off: the next one goes on from here."""
        request = self._request
        return LoadWatchResult(
            target=request.fleet.target,
            bounds=request.bounds,
            in_flight=self._in_flight,
            progress=self._progress,
        )

    def _observe(self, report: LoadReport, now: float) -> Observation:
        service, incarnation = self._request.service, self._request.incarnation
        self._in_flight = report.total(service, incarnation).replica_in_flight
        observation, self._progress = observe(self._progress, report, service, incarnation, now)
        return observation
