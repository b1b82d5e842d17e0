"""Compares autoscaling rules: `python -m benchmarks.autoscaling`, or `make bench-autoscaling`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.autoscaling import traces
from benchmarks.autoscaling.azure import FILE, azure
from benchmarks.autoscaling.contenders import contenders
from benchmarks.autoscaling.results import Results
from benchmarks.autoscaling.runs import Case, run
from benchmarks.autoscaling.table import table
from benchmarks.autoscaling.traces import Trace

_QUICK_SHORTER = 10.0
_QUICK_PERIOD = 5.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, print the table, and write it with all figures and a picture."""
    options = _options(arguments)
    try:
        results = measure(options)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"Error: {error}")
    text = table(results)
    print(results.json() if options.json else text)
    if options.out is not None:
        _write(results, text, options.out)


def measure(options: argparse.Namespace) -> Results:
    """Run all simulations.

    Raises:
        FileNotFoundError: There is no Azure trace where it should be.
        ValueError: It has another format.

    """
    begun = time.monotonic()
    shorter = _QUICK_SHORTER if options.quick else 1.0
    period = _QUICK_PERIOD if options.quick else options.period
    made = [traces.built_in(options.names, seed, shorter) for seed in options.seeds]
    by_name: list[list[Trace]] = [list(group) for group in zip(*made, strict=True)]
    if options.traces is not None:
        by_name.append([azure(options.traces, options.factor, seed) for seed in options.seeds])
    cold_starts = options.cold_starts[-1:] if options.quick else options.cold_starts
    cases = [
        Case(options.seeds, group, cold_start) for group in by_name for cold_start in cold_starts
    ]
    rules = [each for each in contenders(period) if not options.rules or each.name in options.rules]
    results = Results({"seeds": " ".join(map(str, options.seeds))})
    run(cases, rules, results, _say)
    results.settings["simulated in"] = f"{time.monotonic() - begun:.0f} s"
    return results


def _write(results: Results, text: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / "autoscaling.json")
    (folder / "autoscaling.md").write_text(text + "\n")
    written = "autoscaling.md, autoscaling.json"
    try:
        from benchmarks.autoscaling.chart import draw

        draw(results, folder / "autoscaling.png")
        written += ", autoscaling.png"
    except ModuleNotFoundError:
        _say("no picture: matplotlib is not installed (make bench-autoscaling installs it)")
    _say(f"written to {folder}: {written}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.autoscaling",
        description=main.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    all_names = ",".join(traces.NAMES)
    parser.add_argument("--traces", type=Path, metavar="DIR", help=f"folder with {FILE}")
    parser.add_argument("--factor", type=int, default=1, help="times each of its requests comes")
    parser.add_argument("--names", type=_names, default=all_names, help="built-in traces")
    parser.add_argument("--rules", type=_comma_separated, default="", help="only these rules")
    parser.add_argument("--cold-starts", type=_numbers, default="30,120", help="seconds")
    parser.add_argument("--seeds", type=_seeds, default="0", help="of traces, averaged")
    parser.add_argument("--period", type=float, default=2.0, help="seconds between looks of ours")
    parser.add_argument("--quick", action="store_true", help="short traces, one cold start")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("build/bench"))
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = _comma_separated(text)
    if wrong := [name for name in names if name not in traces.NAMES]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(traces.NAMES)}")
    return names


def _numbers(text: str) -> list[float]:
    return [float(number) for number in _comma_separated(text)]


def _seeds(text: str) -> list[int]:
    return [int(number) for number in _comma_separated(text)]


def _comma_separated(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
