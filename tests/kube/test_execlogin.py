"""Login programs: run when needed, kept while valid, told apart when they fail."""

import asyncio
import json
import sys

import pytest

from tidegate.kube.authorization import LoginFailed
from tidegate.kube.execlogin import ExecLogin

VERSION = "client.authentication.k8s.io/v1"


class Program:
    """A login program: a script that counts its runs and prints what it is told."""

    def __init__(self, folder):
        self.script, self.runs_file, self.output = folder / "login.py", folder / "runs", folder / "output"
        self.script.write_text(
            "import os, pathlib, sys\n"
            f"pathlib.Path({str(self.runs_file)!r}).open('a').write(os.environ['KUBERNETES_EXEC_INFO'] + '\\n')\n"
            f"sys.stdout.write(pathlib.Path({str(self.output)!r}).read_text())\n"
            "sys.exit(int(os.environ.get('EXIT_CODE', '0')))\n"
        )
        self.prints(token="t1")

    def prints(self, *, version=VERSION, **status):
        self.output.write_text(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))

    @property
    def runs(self):
        return self.runs_file.read_text().splitlines() if self.runs_file.exists() else []

    def login(self, cluster=None, **entry):
        plugin = {"apiVersion": VERSION, "command": sys.executable, "args": [str(self.script)], **entry}
        return ExecLogin.from_kubeconfig(plugin, cluster or {}, None)


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


async def test_the_token_is_fetched_once_and_kept(program):
    login = program.login()
    assert [await login.header() for _ in range(3)] == ["Bearer t1"] * 3
    assert len(program.runs) == 1


async def test_many_requests_at_once_run_it_once(program):
    login = program.login()
    await asyncio.gather(*(login.header() for _ in range(20)))
    assert len(program.runs) == 1


async def test_it_is_run_again_shortly_before_the_token_expires(program):
    clock = [1_800_000_000.0]
    program.prints(token="t1", expirationTimestamp="2027-01-15T08:10:00Z")  # 600 s later
    login = program.login()
    login._wall_clock = lambda: clock[0]
    assert await login.header() == "Bearer t1"
    clock[0] += 560
    assert await login.header() == "Bearer t1"
    program.prints(token="t2", expirationTimestamp="2027-01-15T09:10:00+00:00")
    clock[0] += 15
    assert await login.header() == "Bearer t2"
    assert len(program.runs) == 2


async def test_a_refused_token_is_fetched_anew_but_a_fresh_one_is_not(program):
    clock = [1_800_000_000.0]
    login = program.login()
    login._wall_clock = lambda: clock[0]
    await login.header()
    await login.header(refresh=True)
    assert len(program.runs) == 1
    clock[0] += 10
    program.prints(token="t2")
    assert await asyncio.gather(*(login.header(refresh=True) for _ in range(5))) == ["Bearer t2"] * 5
    assert len(program.runs) == 2


async def test_it_is_told_what_the_protocol_says(program):
    cluster = {"server": "https://c.test", "certificate-authority-data": "Q0E="}
    await program.login(cluster, provideClusterInfo=True).header()
    assert json.loads(program.runs[0]) == {
        "apiVersion": VERSION,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": cluster},
    }


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("not json", "printed no ExecCredential"),
        ("[]", "printed no ExecCredential"),
        (json.dumps({"apiVersion": VERSION, "status": {}}), "neither a token nor a client certificate"),
        (json.dumps({"apiVersion": "other/v1", "status": {"token": "t"}}), "printed apiVersion other/v1"),
        (json.dumps({"apiVersion": VERSION, "status": {"token": "t", "expirationTimestamp": "soon"}}), "soon"),
    ],
)
async def test_output_that_is_no_credential_fails_the_login(program, output, told):
    program.output.write_text(output)
    with pytest.raises(LoginFailed, match=told):
        await program.login().header()


async def test_a_program_that_fails_is_tried_again_at_the_next_request(program):
    login = program.login(env=[{"name": "EXIT_CODE", "value": "3"}])
    for _ in range(2):
        with pytest.raises(LoginFailed, match="ended with code 3"):
            await login.header()
    assert len(program.runs) == 2


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"command": "no-such-login", "installHint": "install it so"}, "was not found: install it so"),
        ({"command": ""}, "needs the program ''"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "expected one of"),
        ({"interactiveMode": "Always"}, "must be run at a terminal"),
    ],
)
def test_what_cannot_be_run_is_told_at_once(program, entry, told):
    with pytest.raises(ValueError, match=told):
        program.login(**entry)
