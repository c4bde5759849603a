"""Flows of any size for measuring."""

import json
from pathlib import Path
from typing import Any


def flow(name: str, tasks: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    """Give a Flow."""
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Flow",
        "metadata": {"name": name},
        "spec": {"tasks": tasks, **spec},
    }


def chain(length: int) -> dict[str, Any]:
    """Give a chain of tasks that do nothing."""
    tasks = [
        {
            "name": f"t{index}",
            "needs": [f"t{index - 1}"] if index else [],
            "image": "busybox:1.36",
            "command": ["true"],
        }
        for index in range(length)
    ]
    return flow(f"chain-{length}", tasks)


def typical(count: int) -> dict[str, Any]:
    """Give a Flow of tasks as people write them: needs, a condition, env and args with expressions."""
    tasks = []
    for index in range(count):
        before = f"t{index - 1}"
        tasks.append(
            {
                "name": f"t{index}",
                "needs": [before] if index else [],
                "image": "python:3-slim",
                "command": ["python3", "-c", "pass"],
                "args": [f"$[[ tasks.{before}.outputs.rows ]]" if index else "first"],
                "env": [{"name": "REGION", "value": "$[[ params.region ]]"}],
                "retry": {"limit": 2},
            }
        )
    return flow(f"typical-{count}", tasks, params=[{"name": "region", "default": "eu"}])


def write(folder: Path, manifest: dict[str, Any]) -> Path:
    """Write a manifest into a folder; JSON is YAML."""
    path = folder / f"{manifest['metadata']['name']}.yaml"
    path.write_text(json.dumps(manifest, indent=1))
    return path
