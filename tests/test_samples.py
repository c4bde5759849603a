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
_EXTREMES = {"hottest": 35.6, "coldest": -7.1, "wettest": 55.9, "windiest": 9.5}
ASSUMED = {
    "approval/approval.yaml": ["--output=count.words=6", "--outcome=reminder=TimedOut"],
    "branches.yaml": ["--outcome=primary=Failed", "--outcome=lint=Failed", "--output=mirror.rows=3"],
    "cache.yaml": ["--output=first.sum=5050"],
    "deadline.yaml": ["--duration=endless=1h"],
    "diamond.yaml": ["--output=numbers.values=[1,4]", "--output=total.total=5", "--output=largest.largest=4"],
    "failfast.yaml": ["--outcome=broken=Failed", "--duration=slow=6"],
    "failure.yaml": ["--output=fetch.rows=3", "--outcome=load=Failed"],
    "fan-out-jobs.yaml": ["--output=load.region=eu"],
    "finally.yaml": ["--outcome=load=Failed"],
    "hello.yaml": ["--output=greet.greeting=hello"],
    "map-reduce.yaml": [
        '--output=split.texts=["the tide", "broken"]',
        '--output=count.words={"tide": 1}',
        "--outcome=count[1]=Failed",
    ],
    "oom.yaml": ["--output=hungry.bytes=24000000"],
    "params.yaml": ["--output=show.tags=2", "--output=show.until=2026-01-31T11:30:00Z"],
    "repeat.yaml": ["--output=poll.ready=true", "--output=poll.asked=3"],
    "rerun.yaml": ["--output=download.rows=42", "--outcome=publish=Failed"],
    "retry.yaml": ["--output=flaky.attempts=2"],
    "run-retry.yaml": ["--output=fetch.rows=3"],
    "subflow.yaml": ['--output=regions.regions=["eu-west", "eu-east"]', "--output=load.rows=7"],
    "weather/weather.yaml": [
        *(
            "--output=validate.rows=1461",
            "--output=validate.bad=0",
            "--output=report.rows=1461",
            "--output=report.wetDays=623",
        ),
        *(f"--output=report.{name}={value}" for name, value in _EXTREMES.items()),
        *(f"--output=report.{name}Day=2012-08-16" for name in _EXTREMES),
    ],
}
"""What must be said of a sample so that `tidegate explain`, which runs no containers, has it end as it does."""
ON_PAPER = {"Cancelled": ("Succeeded", "Completed")}
"""Nobody cancels a run that is only explained."""


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


def test_what_is_assumed_is_of_samples_that_are_there():
    assert set(ASSUMED) <= {name_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_sample_is_explained_as_it_ends(path):
    promised = promises_of(path)
    ends, reason = ON_PAPER.get(promised["ends"], (promised["ends"], promised["reason"]))
    result = CliRunner().invoke(main, ["explain", str(path), "-o", "json", *ASSUMED.get(name_of(path), ())])
    assert result.exit_code in (0, 3), result.output
    outcome = json.loads(result.stdout)["outcome"]
    assert (outcome["succeeded"], outcome["reason"]) == (ends == "Succeeded", reason), outcome["message"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_sample_ends_as_it_says(path):
    promised = promises_of(path)
    exit_code, flow_run = run(path, promised.get("cancel-at"), promised.get("approve"))
    (condition,) = (c for c in flow_run["status"]["conditions"] if c["type"] == "Succeeded")
    assert condition["status"] == ("True" if promised["ends"] == "Succeeded" else "False"), condition
    assert condition["reason"] == promised["reason"]
    assert exit_code == EXIT_CODES[promised["ends"]]
