"""Two workers and a balancer on a Temporal that is shared with others, and the bench of AWS."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from skyflow.clouds.fake import SCRIPT_VARIABLE
from skyflow.clouds.ledger import Ledger, LedgerEntry
from skyflow.clouds.local.cloud import LocalCloud
from skyflow.clouds.local.directory import MachineDirectory
from skyflow.config import Settings
from skyflow.placement.offers import Place
from tests.clouds.aws_bench.bench import AwsBench
from tests.faults.fake_stack import FakeStack

THROTTLED = 0.1
"""Share of the calls that are throttled all the time."""


class AwsStack(FakeStack):
    """Processes whose machines come from the bench, which loses answers and throttles calls."""

    def __init__(
        self, home: Path, bind: str, temporal: str, namespace: str, bench: AwsBench
    ) -> None:
        super().__init__(home, bind, temporal, namespace)
        self._bench = bench
        self.cloud = BenchMachines(bench)

    @property
    def environment(self) -> Mapping[str, str]:
        inherited = {k: v for k, v in super().environment.items() if k != SCRIPT_VARIABLE}
        return {**inherited, **self._bench.environment}

    @property
    def local(self) -> LocalCloud:
        assert isinstance(self.cloud, BenchMachines)
        return self.cloud

    async def lose_machine(self, name: str) -> None:
        self.losses[name] = time.time()
        await self._bench.terminate_behind_our_back(name)

    def make_trouble(self, seed: int) -> None:
        """Have calls throttled, and the answers to the first ones that matter lost."""
        self._bench.calm()
        self._bench.throttle(THROTTLED, seed)
        self._bench.lose_answer("RunInstances")
        self._bench.lose_answer("TerminateInstances")


class BenchMachines(LocalCloud):
    """The machines of the bench by their names, as the harness looks for them."""

    name = "aws"

    def __init__(self, bench: AwsBench) -> None:
        super().__init__(Settings(home=bench.folder))
        self._bench = bench
        self.ledger = _NamedLedger(bench)

    def directory(self, name: str) -> MachineDirectory | None:
        """Return the directory of the machine of that name, None if it has ended."""
        live = self._bench.ledger.existing()
        found = [each for each, known in self._bench.names.items() if known == name]
        ids = [each for each in found if each in live]
        return MachineDirectory(self._machines, ids[0]) if ids else None

    async def owned(self, prefix: str) -> Sequence[tuple[str, Place]]:
        """Return what really runs, whatever the product believes."""
        return [
            (self._bench.names[each.instance_id], _place(each.region, each.zone))
            for each in await self._bench.instances()
            if self._bench.names[each.instance_id].startswith(prefix)
        ]


class _NamedLedger(Ledger):
    """The ledger of the bench with the names of machines in place of the ids of instances."""

    def __init__(self, bench: AwsBench) -> None:
        super().__init__(bench.ledger.path)
        self._bench = bench

    def read(self) -> Sequence[LedgerEntry]:
        names = self._bench.names
        return [each.model_copy(update={"name": names[each.name]}) for each in super().read()]


def _place(region: str, zone: str) -> Place:
    return Place(cloud="aws", region=region, zone=zone, instance_type="")
