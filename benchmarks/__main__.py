"""`python -m benchmarks frames`; scripts/benchmark makes the environment first."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.report import write_report
from benchmarks.suites import SUITES


def main() -> None:
    """Run suites and write what they find."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each reader (default: 9)")
    parser.add_argument("--output", type=Path, default=Path("out/benchmarks"), help="for data and results")
    parser.add_argument(
        "--fresh", action="store_true", help="prepare the data anew, as after a change of the store"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    data = arguments.output / "data"
    if arguments.fresh and data.exists():
        shutil.rmtree(data)
    for name in arguments.suites or SUITES:
        result = SUITES[name](data, arguments.rounds)
        print(result.to_text())
        for path in write_report(result, arguments.output / name):
            print(path)


if __name__ == "__main__":
    main()
