"""Starting a run and following it to its end: the same on this machine and on a cluster."""

import json
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from tidegate.cli.flowruns import manifest, run_name
from tidegate.cli.following import follow
from tidegate.cli.progress import Progress
from tidegate.cli.summary import tree
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS

FORMS = ("tree", "json", "yaml")


async def start(client: Client, flow: str, namespace: str, params: Mapping[str, Any]) -> Object:
    """Create a FlowRun and give it as the API server has it."""
    name = new_name(flow)
    return await client.create(FLOWRUNS, namespace, manifest(flow, namespace, name, {"params": dict(params)}))


def new_name(flow: str) -> str:
    """Give a name that no other run of the Flow has."""
    return run_name(flow, datetime.fromtimestamp(time.time(), UTC), random.SystemRandom())


async def to_the_end(client: Client, run: Object, shown: Progress) -> Object:
    """Show every change of a run; give it as it is at the end."""
    async for current in follow(client, run):
        shown.show(current)
        run = current
    return run


def printed(run: Mapping[str, Any], form: str) -> str:
    """Give a run as text, in one of FORMS."""
    if form == "json":
        return json.dumps(run, indent=2, ensure_ascii=False)
    if form == "yaml":
        return yaml.safe_dump(dict(run), sort_keys=False, allow_unicode=True).rstrip("\n")
    return tree(run)
