"""A run as a tree: states, durations, reasons, outputs, and nothing that could steer a terminal."""

from tidegate.cli.summary import tree

RUN = {
    "metadata": {"name": "etl-1"},
    "status": {
        "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:00:09Z",
        "progress": "3/3",
        "why": "TaskFailed: load failed: ExitCode: exit 3",
        "counts": {"total": 3},
        "conditions": [{"type": "Succeeded", "status": "False", "reason": "TaskFailed"}],
        "tasks": [
            {
                "name": "fetch",
                "state": "Succeeded",
                "attempt": 2,
                "startTime": "2026-01-01T00:00:01Z",
                "completionTime": "2026-01-01T00:00:03Z",
            },
            {"name": "load", "state": "Failed", "reason": "ExitCode", "message": "exit 3 \x1b[31m", "attempt": 1},
            {"name": "show", "state": "Skipped", "reason": "UpstreamFailed"},
        ],
        "outputs": {"fetch": {"rows": 3}},
    },
}


def test_every_task_has_a_line_with_its_outputs_below():
    assert tree(RUN).splitlines() == [
        "etl-1  Failed  3/3  9 s  TaskFailed: load failed: ExitCode: exit 3",
        "├─ fetch  Succeeded    2 s  attempt 2",
        "│    rows: 3",
        "├─ load   Failed            ExitCode: exit 3 \\x1b[31m",
        "└─ show   Skipped           UpstreamFailed",
    ]


def test_outputs_of_the_run_come_last():
    run = {**RUN, "status": {**RUN["status"], "runOutputs": {"hottest": "2015-07-19"}}}
    assert tree(run).splitlines()[-2:] == ["└─ outputs", '     hottest: "2015-07-19"']


def test_a_large_run_says_how_many_tasks_are_not_shown():
    run = {**RUN, "status": {**RUN["status"], "counts": {"total": 100}}}
    assert "and 97 more" in tree(run)


def test_a_run_without_status_is_its_name():
    assert tree({"metadata": {"name": "etl-1"}}) == "etl-1  Running"
