"""Compares the balancer with others: `python -m benchmarks.lb`, or `make bench`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.lb.cache import Unavailable
from benchmarks.lb.native import compiled
from benchmarks.lb.parts import PARTS
from benchmarks.lb.processes import Cores
from benchmarks.lb.proxies import PROXIES, Proxy, Skyflow
from benchmarks.lb.results import Results, computer
from benchmarks.lb.rounds import Bench, installed
from benchmarks.lb.table import table
from skyflow.open_files import allow_many_files


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it with all figures and a picture."""
    options = _options(arguments)
    if sys.platform != "linux":
        sys.exit("Error: the benchmark needs Linux: /proc, epoll and pinned cores")
    try:
        results = measure(
            options.parts, options.proxies, options.rounds, options.seconds, options.commits
        )
    except Unavailable as error:
        sys.exit(f"Error: {error}")
    text = table(results)
    print(text)
    _write(results, text, options.output)


def measure(
    parts: Sequence[str],
    proxies: Sequence[str],
    rounds: int,
    seconds: float,
    commits: Sequence[str] = (),
) -> Results:
    """Run the benchmark.

    Raises:
        Unavailable: There is no compiler, or less than two cores.
    """
    native, cores = compiled(), Cores.here()
    settings = {"rounds": rounds, "seconds": seconds, **computer()}
    chosen: list[Proxy] = [kind() for kind in PROXIES if kind.name in proxies]
    chosen += map(Skyflow, commits)
    found, versions, skipped = installed(chosen, _say)
    results = Results(settings, versions, skipped)
    allow_many_files()
    usable = os.sched_getaffinity(0)
    # This process, and with it the load generator, stays away from the core of the proxy.
    os.sched_setaffinity(0, {cores.load})
    try:
        bench = Bench(native, cores, [p for p in PARTS if p.name in parts], seconds, _say)
        results.measurements += bench.run(found, rounds)
    finally:
        os.sched_setaffinity(0, usable)
    results.settings["highest_load"] = max((m.load for m in results.measurements), default=0.0)
    return results


def _write(results: Results, text: str, folder: Path) -> None:
    from benchmarks.lb.chart import draw

    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / "lb.json")
    (folder / "lb.md").write_text(text + "\n")
    draw(results, folder / "lb.png")
    print(f"\nwritten: {folder}/lb.md, lb.json, lb.png")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lb",
        description=main.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    all_parts, all_proxies = [p.name for p in PARTS], [p.name for p in PROXIES]
    parser.add_argument("--parts", type=_names(all_parts), default=",".join(all_parts))
    parser.add_argument("--proxies", type=_names(all_proxies), default=",".join(all_proxies))
    parser.add_argument(
        "--commits", type=_comma_separated, default="", help="measure these commits of ours too"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which medians are taken")
    parser.add_argument("--seconds", type=float, default=3, help="how long a part is measured")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    return parser.parse_args(arguments)


def _names(allowed: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = _comma_separated(text)
        if wrong := [name for name in names if name not in allowed]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(allowed)}")
        return names

    return parse


def _comma_separated(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
