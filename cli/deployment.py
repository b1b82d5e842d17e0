"""One `serve up`: the plan, the question, the wait and what came of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress

from cli import connecting
from cli.board import Board
from cli.exits import Exit, Interrupted
from cli.render import documents
from cli.render.deployment import failure, going_on, interrupted, outcome, result
from cli.render.plan import plan as plan_shown
from cli.terminal import confirm, news, say, show, show_document
from skyflow.client import Skyflow
from skyflow.config import Settings
from skyflow.errors import UsageError
from skyflow.sdk.log_lines import LogLine
from skyflow.sdk.names import choose_service_name
from skyflow.sdk.plan import Plan, make_plan
from skyflow.sdk.views import ServiceView
from skyflow.spec import Task
from skyflow.state import ReplicaRecord
from skyflow.storage.keyring import Keyring
from skyflow.storage.specs import PreparedSpec, prepare

LAST_LINES = 20
"""Lines of the failed replica's log that are shown."""


class Deployment:
    """Deploys one service and tells the user about it."""

    def __init__(self, task: Task, *, as_json: bool) -> None:
        self._task = task
        self._name = choose_service_name(task.name)
        self._as_json = as_json
        self._settings = Settings.from_environment()

    async def run(self, *, dry_run: bool, yes: bool, wait: bool) -> Exit:
        """Show the plan and, if that is wanted and agreed to, carry it out.

        Raises:
            SkyflowError: It cannot be done, or was not.

        """
        try:
            return await self._run(dry_run=dry_run, yes=yes, wait=wait)
        except asyncio.CancelledError:
            raise Interrupted("Interrupted. Nothing was changed.") from None

    async def _run(self, *, dry_run: bool, yes: bool, wait: bool) -> Exit:
        self._tell_notices()
        plan = await make_plan(self._task, self._name, self._settings)
        async with AsyncExitStack() as files:
            prepared = await files.enter_async_context(
                prepare(self._task, Keyring.load(self._settings), self._say)
            )
            plan = plan.with_files(prepared)
            if not self._as_json:
                show(plan_shown(plan))
            elif dry_run:
                show_document(documents.plan(plan))
            if dry_run:
                return Exit.OK
            if not yes and not confirm(f"Deploy service {self._name!r}?"):
                say("Nothing was changed.")
                return Exit.FAILED
            try:
                return await self._carry_out(prepared, files, plan, wait=wait)
            except asyncio.CancelledError:
                raise Interrupted(interrupted(self._name)) from None

    def _tell_notices(self) -> None:
        for notice in self._task.notices:
            line = f"line {notice.line}: " if notice.line else ""
            self._say(f"Note: {line}{notice.message}.")

    async def _carry_out(
        self, prepared: PreparedSpec, files: AsyncExitStack, plan: Plan, *, wait: bool
    ) -> Exit:
        async with connecting.deploying(self._say) as skyflow:
            applied = await skyflow.deploy(prepared, self._name)
            # The store has them now: whatever ends a long wait leaves no copy behind.
            await files.aclose()
            if not applied.changed:
                self._say(f"Service {self._name!r} runs this very spec: nothing was changed.")
            if wait:
                view = await self._wait(skyflow)
            else:
                view = await skyflow.find(self._name)
            return await self._tell(skyflow, plan, view, changed=applied.changed)

    async def _wait(self, skyflow: Skyflow) -> ServiceView | None:
        """Wait until the service is ready or has failed; None if somebody took it down."""
        view: ServiceView | None = None
        try:
            with Board(silent=self._as_json) as board:
                async for view in skyflow.watch(self._name):
                    board.update(view)
                    if view.settled:
                        return view
        except asyncio.CancelledError:
            raise Interrupted(going_on(self._name)) from None
        return None

    async def _tell(
        self, skyflow: Skyflow, plan: Plan, view: ServiceView | None, *, changed: bool
    ) -> Exit:
        came_of_it = outcome(view)
        failed = came_of_it in ("failed", "gone")
        page = skyflow.page(self._name)
        replica, last = await _last_words(skyflow, view) if failed and view else (None, [])
        if self._as_json:
            show_document(
                {
                    "name": self._name,
                    "outcome": came_of_it,
                    "changed": changed,
                    "plan": documents.plan(plan),
                    "service": documents.service(view, time.time()) if view else None,
                    "web_ui": page,
                    "last_log_lines": [line.text for line in last],
                }
            )
        elif view is None or came_of_it == "gone":
            say(f"Service {self._name!r} was taken down meanwhile.")
        elif failed:
            news().print(failure(view, replica, last), soft_wrap=True)
        else:
            show(result(view, page))
        return Exit.FAILED if failed else Exit.OK

    def _say(self, message: str) -> None:
        if not self._as_json:
            say(message)


async def _last_words(
    skyflow: Skyflow, view: ServiceView
) -> tuple[ReplicaRecord | None, list[LogLine]]:
    """Return the replica that failed last and wrote something, and the end of that."""
    status = view.status
    failed = [r for r in status.replicas if r.phase.failed or (r.outcome and r.outcome.failed)]
    for replica in sorted(failed, key=lambda record: -record.replica_id):
        lines = skyflow.logs.lines(
            status.service, status.incarnation, replica_id=replica.replica_id, tail=LAST_LINES
        )
        with suppress(UsageError):  # it has no log at all
            if last := [line async for line in lines]:
                return replica, last
    return None, []
