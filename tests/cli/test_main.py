"""The group: every command is there, starts, and tells what is wrong in a sentence."""

import pytest
from click.testing import CliRunner

from tidegate.cli.main import COMMANDS, main


def invoke(*args, **options):
    return CliRunner().invoke(main, args, **options)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: main {name}" in result.stdout


def test_help_lists_the_commands():
    assert all(name in invoke("--help").stdout for name in COMMANDS)


def test_an_unknown_command_is_told():
    result = invoke("validat")
    assert result.exit_code == 2
    assert "validat" in result.stderr


def test_the_version_names_the_api():
    assert "tidegate.dev/v1alpha1" in invoke("version").stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["run"], "expected the NAME of a Flow in the cluster, or -f FILE, or --local FILE"),
        (["run", "--local"], "expected one FILE"),
        (["run", "etl", "-f", "x.yaml"], "expected the NAME"),
        (["run", "etl", "--log-of", "a=b"], "--log-of needs --local"),
        (["run", "etl", "--flow", "b"], "NAME already says which"),
        (["cancel", "r", "--kubeconfig", "/nowhere/config"], "/nowhere/config"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_sentence(args, told):
    result = invoke(*args)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_a_setting_that_cannot_be_read_stops_the_operator():
    result = invoke("operator", env={"TIDEGATE_WORKERS": "many"})
    assert result.exit_code == 2
    assert "TIDEGATE_WORKERS" in result.stderr
