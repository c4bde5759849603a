"""Logs: one record a line, fields of the subject, nothing that a user's text could forge."""

import io
import json
import logging

import pytest

from tidegate import logs

HOSTILE = "job\x1b[2J\r\n2026-01-01 INFO forged\x00\x9b31m\u2028\u202egnp.exe\ud800"


@pytest.fixture
def stream():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_the_subject(stream):
    logs.configure("INFO", "json", stream)
    with logs.about(namespace="team-a", run="r1"), logs.about(uid="u1"):
        logging.getLogger("tidegate.x").info("task %s ended", "a", extra={"task": "a"})
    logging.getLogger("tidegate.x").debug("not shown")
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "INFO",
        "logger": "tidegate.x",
        "message": "task a ended",
        "namespace": "team-a",
        "run": "r1",
        "uid": "u1",
        "task": "a",
    }


def test_the_subject_ends_with_its_block(stream):
    logs.configure("INFO", "json", stream)
    with logs.about(run="r1"):
        pass
    logging.getLogger("x").info("later")
    assert "run" not in json.loads(stream.getvalue())


def test_what_the_call_says_goes_before_the_subject_around_it(stream):
    logs.configure("INFO", "json", stream)
    with logs.about(run="outer"):
        logging.getLogger("x").info("m", extra={"run": "inner"})
    assert json.loads(stream.getvalue())["run"] == "inner"


def test_text_lines_are_readable(stream):
    logs.configure("INFO", "text", stream)
    with logs.about(namespace="team-a", run="r1"):
        logging.getLogger("tidegate.x").warning("hello")
    time, rest = stream.getvalue().rstrip("\n").split(" ", 1)
    assert time.endswith("Z")
    assert rest == "WARNING tidegate.x: hello  namespace=team-a run=r1"


@pytest.mark.parametrize("form", ["json", "text"])
def test_hostile_text_stays_on_its_line_and_sends_nothing_to_a_terminal(stream, form):
    logs.configure("INFO", form, stream)
    with logs.about(run=HOSTILE):
        logging.getLogger("x").info("ended: %s", HOSTILE)
    written = stream.getvalue()
    assert written.count("\n") == 1
    shown = json.loads(written)["message"] if form == "json" else written.rstrip("\n")
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in shown)
    assert not set("\u2028\u202e\ud800") & set(shown)
    assert r"\x1b[2J\x0d\x0a" in shown


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_cannot_pose_as_a_record(stream, form):
    logs.configure("INFO", form, stream)
    try:
        int(HOSTILE)
    except ValueError:
        logging.getLogger("x").exception("failed")
    written = stream.getvalue()
    assert "\x1b" not in written
    if form == "json":
        assert written.count("\n") == 1
        assert "ValueError: invalid literal" in json.loads(written)["exc_info"]
    else:
        assert all(line.startswith("    ") for line in written.splitlines()[1:])
        assert "ValueError: invalid literal" in written


def test_what_kopf_attaches_to_its_records_is_left_out(stream):
    logs.configure("INFO", "json", stream)
    logging.getLogger("kopf").info("m", extra={"settings": object(), "k8s_ref": {"uid": "1"}, "k8s_skip": True})
    assert set(json.loads(stream.getvalue())) == {"time", "level", "logger", "message"}
