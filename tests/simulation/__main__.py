"""`python -m simulation`: many seeds, one seed told or shrunk; see `--help`."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence

from simulation import campaign
from simulation.chance import FAULTS, tape
from simulation.mutants.catalogue import MUTANTS
from simulation.mutants.trial import SEEDS, Unclean, try_all
from simulation.shrinker import Case, Shrinker, recorded_case
from simulation.simulation import play, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    commands = parser.add_subparsers(required=True)
    many = commands.add_parser("run", help="simulate seeds on all cores; the first that fails is shrunk")
    many.add_argument("seeds", type=_range, help="such as 0-999")
    many.add_argument("--processes", type=int)
    many.add_argument("--no-shrink", action="store_true")
    many.set_defaults(command=_run)
    one = commands.add_parser("shrink", help="make what a seed fails on small, and tell it change by change")
    one.add_argument("seed", type=int)
    one.set_defaults(command=_shrink)
    hunt = commands.add_parser("hunt", help="simulate seeds until one breaks a rule")
    hunt.add_argument("seeds", type=_range)
    hunt.set_defaults(command=_hunt)
    planted = commands.add_parser("mutants", help="plant each bug of the catalogue and see that it is caught")
    planted.add_argument("--only", default="", help="those whose name has this in it")
    planted.add_argument("--processes", type=int, default=os.cpu_count())
    planted.add_argument("--seeds", type=_range, default=SEEDS, help="scenarios that the tree passes as it is")
    planted.set_defaults(command=_mutants)
    for command in (many, one, hunt):
        command.add_argument("--faults", type=_faults, help=f"only these, separated by commas: {', '.join(FAULTS)}")
    options = parser.parse_args(arguments)
    return int(options.command(options))


def _run(options: argparse.Namespace) -> int:
    tally = campaign.campaign(options.seeds, options.faults, processes=options.processes, told=_say)
    if not tally.failed:
        return 0
    if not options.no_shrink:
        options.seed = min(tally.failed)
        _shrink(options)
    return 1


def _hunt(options: argparse.Namespace) -> int:
    campaign.be_quiet()
    runs = 0
    for seed in options.seeds:
        result = simulate(seed, options.faults)
        runs += result.runs
        if result.violations:
            _say(f"seed {seed} ({runs} runs): {result.violations[0][:100]}")
            return 1
    return 0


def _mutants(options: argparse.Namespace) -> int:
    began = time.perf_counter()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    try:
        verdicts = list(try_all(chosen, processes=options.processes, seeds=options.seeds, told=_say))
    except (ValueError, Unclean) as error:
        _say(str(error))
        return 2
    by = Counter(verdict.by for verdict in verdicts)
    simulated = sum(verdict.seeds for verdict in verdicts)
    _say(", ".join(f"{count} by {what}" for what, count in by.most_common()) or "none is named so")
    seconds = time.perf_counter() - began
    caught = sum(1 for verdict in verdicts if verdict.caught)
    _say(f"{caught} of {len(chosen)} caught at {campaign.commit()}: {simulated:,} seeds, {seconds:.0f} s")
    return 0 if caught == len(chosen) > 0 else 1


def _shrink(options: argparse.Namespace) -> int:
    campaign.be_quiet()
    case = recorded_case(options.seed, options.faults)
    if not case.result.violations:
        _say(f"seed {options.seed} breaks no rule")
        return 0
    shrinker = Shrinker(case)
    _tell(shrinker.shrink(), shrinker.plays)
    return 1


def _tell(case: Case, plays: int) -> None:
    scenario = case.scenario
    result = play(scenario, tape(case.throws), is_told=True)
    thrown = sum(1 for throw in case.throws if throw)
    _say(f"\nseed {scenario.seed} at {campaign.commit()}, shrunk in {plays} plays; {thrown} throws are left")
    _say(f"faults: {', '.join(sorted(scenario.faults)) or 'none'} (struck: {dict(result.struck)})")
    for flow in scenario.flows:
        _say(f"Flow {flow['metadata']['name']}: {json.dumps(flow['spec'])}")
    for name, (flow, at) in scenario.runs.items():
        _say(f"{at:10.3f} {name} of {flow} is created")
    for act in scenario.acts:
        _say(f"{act.at:10.3f} {act.what} of {act.run}")
    _say("\n" + "\n".join(result.story))
    _say("\n" + "\n".join(result.violations))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _faults(text: str) -> frozenset[str] | None:
    names = frozenset(name for name in text.replace(" ", "").split(",") if name)
    if unknown := names - FAULTS.keys():
        raise argparse.ArgumentTypeError(f"there is no fault {', '.join(sorted(unknown))}; known: {', '.join(FAULTS)}")
    return names or None


if __name__ == "__main__":
    sys.exit(main())
