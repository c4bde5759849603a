"""Progress on a stream that is no terminal: a line a change, never the same line twice."""

import io

from tidegate.cli.progress import progress


def run(*rows, **status):
    tasks = [dict(zip(("name", "state", "reason", "message"), row, strict=False)) for row in rows]
    return {"metadata": {"name": "r"}, "status": {"tasks": tasks, **status}}


def test_each_change_is_one_line():
    stream = io.StringIO()
    with progress(stream) as shown:
        shown.show(run(("a", "Pending"), ("b", "Pending")))
        shown.show(run(("a", "Running"), ("b", "Pending")))
        shown.show(run(("a", "Running"), ("b", "Pending")))
        shown.show(run(("a", "Failed", "ExitCode", "exit 3"), ("b", "Skipped", "UpstreamFailed")))
    assert stream.getvalue().splitlines() == ["a Running", "a Failed ExitCode exit 3", "b Skipped UpstreamFailed"]


def test_a_run_that_waits_for_admission_says_why():
    stream = io.StringIO()
    with progress(stream) as shown:
        shown.show({"metadata": {"name": "r"}, "status": {"why": "FlowNotFound: there is no Flow x"}})
    assert stream.getvalue() == "r: FlowNotFound: there is no Flow x\n"


def test_what_a_task_says_cannot_forge_a_line():
    stream = io.StringIO()
    with progress(stream) as shown:
        shown.show(run(("a", "Failed", "ExitCode", "x\nb Succeeded")))
    assert len(stream.getvalue().splitlines()) == 1
