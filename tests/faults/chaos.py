"""Many seeded runs: `python -m tests.faults`, or `make chaos`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tests.faults.points import POINTS
from tests.faults.run import Outcome
from tests.faults.scenario import scenario
from tests.faults.slots import Job, Slots, temporal_server


@dataclass
class Tally:
    """What is known of all runs, of this call and of those before it."""

    file: Path
    wanted: int
    began: float = field(default_factory=time.monotonic)
    lines: dict[tuple[int, bool], dict[str, Any]] = field(default_factory=dict)
    now: int = 0
    """Runs of this call."""

    def read(self) -> None:
        """Read what earlier calls did."""
        if not self.file.exists():
            return
        for text in self.file.read_text().splitlines():
            line = json.loads(text)
            self.lines[line["seed"], line["whole"]] = line

    def add(self, job: Job, outcome: Outcome) -> None:
        """Note the end of a run."""
        line = {
            "seed": job.scenario.seed,
            "whole": job.whole,
            "faults": [str(fault) for fault in job.scenario.faults],
            "points": [fault.point.name for fault in job.scenario.faults],
            "reached": outcome.reached,
            "seconds": outcome.seconds,
            "problems": outcome.problems,
        }
        self.lines[job.scenario.seed, job.whole] = line
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.now += 1
        self._tell(line)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [line for line in self.lines.values() if line["problems"]]

    def table(self) -> str:
        """Return the points, how often a fault struck there, and how often each was reached."""
        struck: Counter[str] = Counter()
        reached: Counter[str] = Counter()
        for line in self.lines.values():
            struck.update(line["points"])
            reached.update(line["reached"])
        rows = [f"{'point':45} {'struck':>7} {'reached':>8}"]
        rows += [f"{p.name:45} {struck[p.name]:7} {reached[p.name]:8}" for p in POINTS]
        return "\n".join(rows)

    def _tell(self, line: dict[str, Any]) -> None:
        minutes = (time.monotonic() - self.began) / 60
        kind = "whole " if line["whole"] else ""
        seconds = sum(line["seconds"].values())
        click.echo(
            f"{len(self.lines)}/{self.wanted} {kind}seed {line['seed']} "
            f"{'FAILED' if line['problems'] else 'ok'} {seconds:.0f} s "
            f"[{'; '.join(line['faults'])}] ({self.now / minutes:.1f} a minute)"
        )
        for problem in line["problems"]:
            click.echo(f"    {problem[:600]}")
        if line["problems"]:
            click.echo(f"    again: {_command(line)}")


@click.command()
@click.option("--runs", default=500, show_default=True, help="Runs in all.")
@click.option("--whole", default=50, show_default=True, help="Of these on the whole stack.")
@click.option("--seed", default=1, show_default=True, help="First seed.")
@click.option("--slots", default=6, show_default=True, help="Runs at once.")
@click.option("--minutes", default=60.0, show_default=True, help="After these none is begun.")
@click.option("--only", type=int, help="Only the run of this seed.")
@click.option("--on-whole", is_flag=True, help="With --only: on the whole stack.")
@click.option("--resume", type=click.Path(path_type=Path), help="File of the runs that were done.")
@click.option("--again", is_flag=True, help="Repeat the runs of that file that failed.")
def main(
    runs: int,
    whole: int,
    seed: int,
    slots: int,
    minutes: float,
    only: int | None,
    on_whole: bool,
    resume: Path | None,
    again: bool,
) -> None:
    """Kill and freeze processes at named points, and see that every service survives it."""
    logging.basicConfig(level=logging.ERROR)
    if only is not None:
        jobs = [Job(scenario(only, whole=on_whole), on_whole)]
    else:
        jobs = [
            Job(scenario(number, whole=number - seed < whole), number - seed < whole)
            for number in range(seed, seed + runs)
        ]
    directory = Path("chaos")
    directory.mkdir(exist_ok=True)
    tally = Tally(resume or directory / f"runs-{time.strftime('%Y%m%d-%H%M%S')}.jsonl", len(jobs))
    tally.read()
    done = [key for key, line in tally.lines.items() if not (again and line["problems"])]
    left = [job for job in jobs if (job.scenario.seed, job.whole) not in done]
    asyncio.run(_carry_out(left, min(slots, len(left)), minutes, tally, directory / "failures"))
    _report(tally, len(jobs))


async def _carry_out(
    jobs: list[Job], slots: int, minutes: float, tally: Tally, failures: Path
) -> None:
    if not jobs:
        return
    async with temporal_server() as server:
        work = Slots(server, failures, tally.add)
        await work.work(jobs, slots, time.monotonic() + minutes * 60)


def _report(tally: Tally, wanted: int) -> None:
    click.echo(tally.table())
    used = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    own = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    if tally.now:
        click.echo(
            f"{tally.now} runs in {(time.monotonic() - tally.began) / 60:.1f} minutes; seconds of "
            f"CPU for each: {own / tally.now:.1f} here, {used / tally.now:.1f} in processes that "
            "were waited for"
        )
    for line in tally.failed:
        click.echo(f"seed {line['seed']}: {line['problems'][0][:300]}\n    {_command(line)}")
    missing = wanted - len(tally.lines)
    click.echo(f"{len(tally.lines)} of {wanted} runs done, {len(tally.failed)} failed")
    click.echo(f"kept in {tally.file}")
    sys.stdout.flush()
    # Temporal's native threads may crash an interpreter that is being taken down.
    os._exit(1 if tally.failed or missing > 0 else 0)


def _command(line: dict[str, Any]) -> str:
    whole = " --on-whole" if line["whole"] else ""
    return f"{sys.executable} -m tests.faults --only {line['seed']}{whole}"
