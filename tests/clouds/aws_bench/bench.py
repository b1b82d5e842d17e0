"""The bench: an account at Amazon on this computer, and what tests do to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from skyflow.clouds.ledger import Ledger
from skyflow.clouds.local.mode import own_network_problem
from tests.clouds.aws_bench.account import CREDENTIALS, REGIONS, Account, Instance
from tests.clouds.aws_bench.calls import Call
from tests.clouds.aws_bench.fleet import Fleet
from tests.clouds.aws_bench.front import Front
from tests.clouds.aws_bench.images import write_images
from tests.clouds.aws_bench.script import Fate, Refusal
from tests.moto import moto_server

REGION = REGIONS[0]
_NOTICE = timedelta(minutes=2)
"""How long before an interruption a spot instance is told."""


class AwsBench:
    """An account, its machines and its failures."""

    def __init__(self, folder: Path, moto: str) -> None:
        self.folder = folder
        self._moto = moto
        self.account = Account(moto)
        """Asked past the front: no failure concerns it."""
        self._fleet = Fleet(folder, self.account)
        self._front = Front(moto, self.account, self._fleet)
        self.endpoint = ""
        """URL of the front."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a program here, and nowhere else."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SKYFLOW_AWS_INTERNAL": "1",
        }

    @property
    def ledger(self) -> Ledger:
        """Which instances were started and ended, and when; by their ids."""
        return self._fleet.ledger

    @property
    def names(self) -> dict[str, str]:
        """The name of each instance there was, by its id."""
        return self._fleet.names

    @property
    def problems(self) -> list[str]:
        """What kept machines from being as their user-data should have made them."""
        return self._fleet.problems

    def back_with_machines(self) -> None:
        """Let every instance that starts from now on be a machine that SSH leads to."""
        self._fleet.backed = True

    def refuse(self, code: str, **matching: Any) -> Refusal:
        """Answer calls with an error; `matching` as in `Refusal`. Returns it, to take it back."""
        refusal = Refusal(code, **matching)
        self._front.script.refusals.append(refusal)
        return refusal

    def allow(self, refusal: Refusal) -> None:
        """Take a refusal back."""
        self._front.script.refusals.remove(refusal)

    def throttle(self, share: float, seed: int) -> None:
        """Throttle a share of all calls, drawn by seed; 0 ends it."""
        self._front.script.throttle(share, seed)

    def lose_answer(self, action: str, times: int = 1) -> None:
        """Cut the connection instead of answering calls that have had their effect."""
        self._front.script.mishap(action, Fate.LOST, times)

    def hold_answer(self, action: str, times: int = 1) -> None:
        """Answer nothing until `release`, or until the client gives up."""
        self._front.script.mishap(action, Fate.HELD, times)

    def release(self) -> None:
        """Give the answers that are held."""
        self._front.release()

    def expire_credentials(self) -> None:
        """Refuse every call from now on, because the time of the credentials is over."""
        self._front.script.expired = True

    def renew_credentials(self) -> None:
        """Take calls again."""
        self._front.script.expired = False

    def ignore_client_tokens(self) -> None:
        """Let client tokens mean nothing from now on."""
        self._front.tokens = None

    def calls(self, action: str | None = None) -> list[Call]:
        """Return the calls of an action that came so far, whatever they were answered with.

        Those that only ask for permission are left out.
        """
        return [
            call for call in self._front.calls if action in (None, call.action) and not call.dry
        ]

    async def instances(self, gone: bool = False) -> list[Instance]:
        """Return the instances of all regions; if asked for, also those that are terminated."""
        return [each for each in await self._fleet.instances() if gone or not each.gone]

    async def find(self, name: str) -> Instance:
        """Return the one instance that has a name among the values of its tags."""
        [found] = [each for each in await self.instances() if name in each.tags.values()]
        return found

    async def terminate_behind_our_back(self, name: str) -> None:
        """End an instance as somebody would in the console."""
        instance = await self.find(name)
        ids = [instance.instance_id]
        await self.account.ask(instance.region, "terminate_instances", InstanceIds=ids)
        await self._fleet.follow(instance.region)

    async def interrupt(self, name: str) -> None:
        """End a spot instance because Amazon needs its place."""
        instance = await self.find(name)
        self._fleet.reasons[instance.instance_id] = "Server.SpotInstanceTermination"
        await self.terminate_behind_our_back(name)

    async def spot_notice(self, name: str, action: str = "terminate") -> None:
        """Say that a spot instance will be interrupted in two minutes, also to its machine."""
        instance = await self.find(name)
        self._fleet.marked.add(instance.instance_id)
        if metadata := self._fleet.machines.metadata(instance.instance_id):
            metadata.notices.action = {"action": action, "time": _moment(_NOTICE)}

    async def rebalance(self, name: str) -> None:
        """Tell a machine that its instance is likely to be interrupted."""
        metadata = self._fleet.machines.metadata((await self.find(name)).instance_id)
        assert metadata, f"{name} is not backed by a machine"
        metadata.notices.rebalance = {"noticeTime": _moment(timedelta())}

    def used_actions(self) -> set[str]:
        """Return the actions that the product has called, as a policy names them."""
        own = CREDENTIALS["AWS_ACCESS_KEY_ID"]
        return {f"{call.service}:{call.action}" for call in self._front.calls if call.key == own}

    def calm(self) -> None:
        """Let nothing go wrong any more, and forget the calls that came; all else stays."""
        self._front.calm()

    async def reset(self) -> None:
        """Begin anew: no instances, no failures to come, an empty ledger."""
        await self._fleet.machines.end_all()
        await _forget_everything(self._moto)
        self.ledger.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "machines", ignore_errors=True)
        self._fleet = Fleet(self.folder, self.account)
        self._front.reset(self._fleet)

    async def _warm_up(self) -> None:
        """Have moto load what it loads when first asked, for which programs would not wait."""
        asked = (("ec2", "describe_instances"), ("ec2", "describe_images"))
        for service, action in (*asked, ("sts", "get_caller_identity"), ("s3", "list_buckets")):
            for region in REGIONS:
                await self.account.ask(region, action, service)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[AwsBench]:
        async with self._front.serving() as self.endpoint:
            try:
                yield self
            finally:
                await self._fleet.machines.end_all()


@asynccontextmanager
async def running_bench() -> AsyncIterator[AwsBench]:
    """Run a bench meanwhile, in a directory of its own."""
    # The names of machines' directories and of files in them make long paths.
    folder = Path(tempfile.mkdtemp(prefix="skyflow-aws-", dir="/tmp"))
    try:
        with _moto(folder) as moto:
            bench = AwsBench(folder, moto)
            await bench._warm_up()
            async with bench._serving():
                yield bench
    finally:
        # Machines end by themselves without their files.
        shutil.rmtree(folder, ignore_errors=True)


def _moto(folder: Path) -> AbstractContextManager[str]:
    """Run moto with images and types of machines that are checked."""
    images = folder / "images.json"
    write_images(images)
    return moto_server(
        MOTO_AMIS_PATH=str(images),
        MOTO_ENABLE_AMI_VALIDATION="true",
        MOTO_ENABLE_KEYPAIR_VALIDATION="true",
        MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true",
    )


async def _forget_everything(moto: str) -> None:
    """Let moto begin anew, with nothing in any account."""
    client = aiohttp.ClientSession(raise_for_status=True)
    async with client, client.post(f"{moto}/moto-api/reset"):
        pass


def _moment(ahead: timedelta) -> str:
    return (datetime.now(UTC) + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")


@asynccontextmanager
async def running_bench_with_machines() -> AsyncIterator[AwsBench]:
    """Run a bench whose instances are machines; tests are skipped where that cannot be."""
    if problem := own_network_problem():
        pytest.skip(f"instances cannot be machines here: {problem}")
    async with running_bench() as bench:
        bench.back_with_machines()
        yield bench
