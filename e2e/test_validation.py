"""What `tidegate validate` accepts, the API server accepts: seeded manifests, right and a little wrong, asked of both.

The server is asked as `kubectl apply --dry-run=server` asks it: CRDs, their rules, unknown fields refused. validate may
refuse more, for it sees what belongs together.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from e2e import everything
from e2e.faults.api import Api
from e2e.operator_install import sample_flows
from e2e.specs import Changed, change, places, schemas

from tidegate.cli import manifests
from tidegate.kube.credentials import load_credentials

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(120)
SEED, COUNT, WIDTH = 4, 700, 8
BASES = [
    *(flow for _, flow in sample_flows()),
    everything.RUN,
    everything.RERUN,
    everything.BACKFILL,
    everything.APPROVAL,
]
PATH = "/apis/tidegate.dev/v1alpha1/namespaces/default/{}s?dryRun=All&fieldValidation=Strict"


@pytest.fixture(scope="module", autouse=True)
def crds(kubectl: Run) -> None:
    kubectl("apply", "-k", "crds")
    kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")


def generated() -> Iterator[Changed]:
    """Give what is right first, then changes of it; half of them of the Flow that has nearly everything."""
    yield from (Changed(manifest, ()) for manifest in (*BASES, everything.FLOW))
    rng, known = random.Random(SEED), schemas()  # noqa: S311  any sequence will do, if it is always the same
    for number in range(COUNT):
        base = everything.FLOW if number % 2 else rng.choice(BASES)
        yield change(base, known[base["kind"]], rng)


def refusal_of_validate(manifest: dict[str, Any]) -> str:
    return "; ".join(map(str, manifests.judge([("file", json.dumps(manifest))]).problems))


async def refusal_of_server(api: Api, manifest: dict[str, Any], width: asyncio.Semaphore) -> str:
    async with width:
        try:
            await api.post(PATH.format(manifest["kind"].lower()), manifest)
        except aiohttp.ClientResponseError as refused:
            if refused.status == HTTPStatus.FORBIDDEN:
                return ""  # a policy of the cluster, such as ours for approvals; it is asked after the schema
            return str(json.loads(refused.message)["message"])
    return ""


async def test_what_validate_accepts_the_api_server_accepts(kubeconfig: Path):
    cases, width = list(generated()), asyncio.Semaphore(WIDTH)
    api = Api(load_credentials(kubeconfig=str(kubeconfig), environ={}))
    try:
        theirs = await asyncio.gather(*(refusal_of_server(api, case.manifest, width) for case in cases))
    finally:
        await api.close()
    ours = [refusal_of_validate(case.manifest) for case in cases]
    counts = Counter((not our, not their) for our, their in zip(ours, theirs, strict=True))
    touched = {deed.rpartition(" ")[2] for case in cases for deed in case.deeds}
    known = {place for schema in schemas().values() for place in places(schema)}
    print(f"both accept {counts[True, True]}, both refuse {counts[False, False]},", end=" ")
    print(f"only validate refuses {counts[False, True]}, only the server refuses {counts[True, False]}:", end=" ")
    print(f"{len(cases)} manifests of seed {SEED}, changed in {len(touched & known)} of {len(known)} fields")
    disagreements = [
        f"{', '.join(case.deeds)}: {their}"
        for case, our, their in zip(cases, ours, theirs, strict=True)
        if their and not our
    ]
    assert disagreements == []
    assert not any(ours[: len(BASES) + 1])
    assert min(counts[True, True], counts[False, False]) > COUNT // 5
