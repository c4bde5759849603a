"""Every sample that is published validates, and ends as its annotations say, on the sandbox with the real operator."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tidegate.cli.main import main

SAMPLES = Path(__file__).resolve().parents[1] / "manifests" / "samples"
FILES = sorted(SAMPLES.rglob("*.yaml"))
EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Cancelled": 3}
SECONDS = 60


def name_of(path):
    return str(path.relative_to(SAMPLES))


def promises_of(path):
    """Give what the annotations of the last Flow in a file say, without their prefix."""
    flows = [doc for doc in yaml.safe_load_all(path.read_text()) if doc and doc["kind"] == "Flow"]
    annotations = flows[-1]["metadata"].get("annotations", {})
    prefix = "tidegate.dev/sample-"
    return {key.removeprefix(prefix): value for key, value in annotations.items() if key.startswith(prefix)}


def run(path, cancel_at=None, approve=None):
    """Run a sample as people do; give exit code and FlowRun.

    It is interrupted once when the task `cancel_at` runs; the task `approve` is approved as the run says.
    """
    command = [sys.executable, "-m", "tidegate", "run", "--local", str(path), "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            if cancel_at is not None:
                next(line for line in process.stderr if line.split()[:2] == [cancel_at, "Running"])
                process.send_signal(signal.SIGINT)
            if approve is not None:
                line = next(line for line in process.stderr if f" {approve} -n " in line and "--kubeconfig" in line)
                words = line.partition("tidegate approve ")[2].partition("   (")[0].split()
                subprocess.run([sys.executable, "-m", "tidegate", "approve", *words], check=True, capture_output=True)
            stdout, stderr = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert stdout, stderr
    return process.returncode, json.loads(stdout)


def test_there_are_samples():
    assert {"hello.yaml", "diamond.yaml", "cancel.yaml"} <= {name_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_sample_is_valid(path):
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_sample_ends_as_it_says(path):
    promised = promises_of(path)
    exit_code, flow_run = run(path, promised.get("cancel-at"), promised.get("approve"))
    (condition,) = (c for c in flow_run["status"]["conditions"] if c["type"] == "Succeeded")
    assert condition["status"] == ("True" if promised["ends"] == "Succeeded" else "False"), condition
    assert condition["reason"] == promised["reason"]
    assert exit_code == EXIT_CODES[promised["ends"]]
