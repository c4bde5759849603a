"""`python -m e2e.faults crashes|scenarios|all|campaign`: the long proofs; each prints a table, and fails if it must."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from . import crashes, disturbance
from .campaign import Tally, Terms, campaign
from .clusters import Place, of_kubeconfig, own_cluster
from .lab import Lab, open_lab
from .samples import all_samples
from .scenarios import LONG, SCENARIOS, deaths

_PROGRESS_SECONDS = 30.0


def main(arguments: list[str]) -> int:
    """Run one proof; 0 when nothing went wrong."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a cluster is taken down then as well
    with _place(options) as place:
        folder = Path(tempfile.mkdtemp(prefix="tidegate-faults-"))
        print(f"the operators' logs are in {folder}", flush=True)
        failures = asyncio.run(_prove(place, folder, options.run, options))
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


Proof = Callable[[Lab, Place, argparse.Namespace], Awaitable[list[str]]]


async def _prove(place: Place, folder: Path, proof: Proof, options: argparse.Namespace) -> list[str]:
    async with open_lab(place.kubeconfig, folder) as lab:
        began = time.monotonic()
        failures = await proof(lab, place, options)
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        return failures


async def _crashes(lab: Lab, _: Place, options: argparse.Namespace) -> list[str]:
    samples = [sample for sample in all_samples() if not options.samples or sample.flow in options.samples]
    width, failures = asyncio.Semaphore(options.width), []
    print(crashes.HEAD, flush=True)
    for work in asyncio.as_completed([crashes.survive(lab, sample, width) for sample in samples]):
        matrix = await work
        print(matrix, *(f"  {failure}" for failure in matrix.failures), sep="\n", flush=True)
        failures += matrix.failures
    return failures


async def _scenarios(lab: Lab, place: Place, options: argparse.Namespace) -> list[str]:
    print(disturbance.HEAD, flush=True)
    found = await disturbance.disturb(lab, [*SCENARIOS, *LONG], asyncio.Semaphore(options.width))
    if place.kill is not None:
        found += await disturbance.disturb(lab, deaths(place.kill), asyncio.Semaphore(1))
    for disturbed in found:
        print(disturbed)
    return [str(disturbed) for disturbed in found if disturbed.problems]


async def _all(lab: Lab, place: Place, options: argparse.Namespace) -> list[str]:
    return [*await _crashes(lab, place, options), *await _scenarios(lab, place, options)]


async def _campaign(lab: Lab, place: Place, options: argparse.Namespace) -> list[str]:
    host = options.collector or place.collector
    if host is None:
        return ["which address of this machine do pods reach? Give it with --collector"]
    told_at = time.monotonic()

    def progress(tally: Tally) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > _PROGRESS_SECONDS:
            told_at = time.monotonic()
            print(f"{tally.seconds:6.0f} s: {tally.runs} runs, {tally.kills} kills, {tally.failures}", flush=True)

    terms = Terms(options.runs, options.width, options.operators, seed=options.seed)
    tally = await campaign(lab, host, terms, progress)
    print(tally)
    return tally.failures


@contextlib.contextmanager
def _place(options: argparse.Namespace) -> Iterator[Place]:
    if options.kubeconfig is not None:
        yield of_kubeconfig(options.kubeconfig)
    else:
        with own_cluster() as place:
            yield place


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.faults", description=__doc__)
    proofs = parser.add_subparsers(required=True, metavar="PROOF")

    def proof(name: str, run: Proof, text: str) -> argparse.ArgumentParser:
        found = proofs.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        found.add_argument("--kubeconfig", type=Path, help="a cluster that has our CRDs; without it one is made")
        found.add_argument("--width", type=int, default=8, help="runs at the same time (8)")
        return found

    dying = proof("crashes", _crashes, "kill the operator at every write of every sample: before, after, late")
    dying.add_argument("samples", nargs="*", help="names of Flows; without any, all samples")
    everything = proof("all", _all, "crashes of all samples, then scenarios")
    everything.set_defaults(samples=[])
    proof("scenarios", _scenarios, "faults of the way to the API server, and of the API server")
    campaigning = proof("campaign", _campaign, "many runs while operators are killed at random")
    campaigning.add_argument("--runs", type=int, default=1000)
    campaigning.add_argument("--operators", type=int, default=2, help="side by side, without a Lease (2)")
    campaigning.add_argument("--seed", type=int, default=1, help="of the instants of death (1)")
    campaigning.add_argument("--collector", help="an address of this machine that pods reach")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
