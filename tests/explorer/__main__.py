"""`python -m explorer [SCENARIO ...]`: explore them, all without a name; 1 when a rule breaks or a bound is hit."""

import argparse
import gc
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence

from explorer.scenarios import SCENARIOS
from explorer.search import BOUND, Result, Search


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="explorer", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(names)}")
    parser.add_argument("--bound", type=int, default=BOUND, help="states that are kept at most; to hit it is a failure")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.scenarios) - set(names)):
        parser.error(f"there is no scenario {', '.join(unknown)}: expected some of {', '.join(names)}")
    work = [(name, options.bound) for name in names if name in options.scenarios or not options.scenarios]
    began, good, done = time.perf_counter(), 0, 0
    with multiprocessing.get_context("fork").Pool(options.processes, maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(_explore, work):
            done, good = done + 1, good + (result.is_exhausted and not result.broken)
            _say(result.told())
    _say(f"{good} of {done} scenarios exhausted without a broken rule, in {time.perf_counter() - began:.0f} s")
    return 0 if good == done else 1


def _explore(work: tuple[str, int]) -> Result:
    name, bound = work
    logging.disable(logging.ERROR)  # operators that lose requests say so
    gc.disable()  # what is met is kept
    return Search(next(scenario for scenario in SCENARIOS if scenario.name == name), bound).run()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
