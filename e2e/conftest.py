"""The cluster that these tests run on: which one, and the fixtures that reach it.

One given by name (`--kubeconfig-name FILE` or TIDEGATE_E2E_KUBECONFIG); or kind where Docker works; or else the one
that e2e/cluster makes without Docker. The last two are driven by pytest-kind's own fixture, `kind_cluster`, so its
options hold: `--cluster-name`, `--keep-cluster`, `--kind-bin`, `--kind-kubectl-bin`.
"""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
OWN_KIND = HERE / "cluster" / "kind"
OPERATOR_IMAGE = "tidegate/operator:dev"
SERVER_VERSION = pytest.StashKey[str]()


BEFORE_INSTALLATION = ("test_cluster.py", "test_install.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("kind").addoption(
        "--kubeconfig-name",
        metavar="FILE",
        default=os.environ.get("TIDEGATE_E2E_KUBECONFIG"),
        help="use the existing cluster of this kubeconfig (also: TIDEGATE_E2E_KUBECONFIG); its images must be there",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Repeat beside the results what the server said of itself."""
    if version := config.stash.get(SERVER_VERSION, None):
        terminalreporter.write_line(f"cluster: Kubernetes {version}, {_describe(config)}")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest-kind which programs to use."""
    if hasattr(config, "workerinput"):
        raise pytest.UsageError("the tests under e2e share one cluster: run them without -n")
    options = config.option
    if options.kubeconfig_name and not Path(options.kubeconfig_name).is_file():
        raise pytest.UsageError(f"--kubeconfig-name {options.kubeconfig_name}: no such file")
    if not options.kubeconfig_name and not options.kind_bin:
        options.kind_bin = (_docker_works() and shutil.which("kind")) or str(OWN_KIND)
    if not options.kind_kubectl_bin:
        found = shutil.which("kubectl") if not _is_own(config) else None
        options.kind_kubectl_bin = found or str(HERE / "cluster" / "kubectl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look first at what must be seen before an operator is installed in the cluster."""
    items.sort(key=lambda item: item.path.name not in BEFORE_INSTALLATION)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say which cluster it is, and build what is missing: in plain sight, and where no test's timeout counts."""
    if session.config.option.collectonly or not session.items:
        return
    # A line of the usual header would not be shown with -q.
    session.config.pluginmanager.getplugin("terminalreporter").write_line(f"cluster: {_describe(session.config)}")
    if not _is_own(session.config):
        return
    builds = [["build"]]
    if any("operator_image" in getattr(item, "fixturenames", ()) for item in session.items):
        builds.append(["image", "operator"])
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for build in builds:
            command = [sys.executable, "-m", "e2e.cluster", *build]
            done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                pytest.exit(f"e2e.cluster {' '.join(build)} failed, see above", returncode=1)


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """The administrator's kubeconfig; asking for it creates the cluster."""
    options = request.config.option
    if options.kubeconfig_name:
        return Path(options.kubeconfig_name).resolve()
    _refresh_kubeconfig(options.kind_bin, options.cluster_name, options.kubeconfig)
    return Path(request.getfixturevalue("kind_cluster").kubeconfig_path).resolve()


@pytest.fixture(scope="session")
def kubectl(request: pytest.FixtureRequest, kubeconfig: Path) -> Callable[..., str]:
    """`kubectl(*arguments, input=None, timeout=100)` returns stdout.

    Raises subprocess.CalledProcessError with stdout and stderr, or subprocess.TimeoutExpired.
    """
    program = [request.config.option.kind_kubectl_bin, "--kubeconfig", str(kubeconfig)]

    def run(*arguments: str, input: str | None = None, timeout: float = 100) -> str:  # noqa: A002 - as subprocess has it
        return _run([*program, *arguments], text=input, timeout=timeout)

    server = json.loads(run("version", "-o", "json"))["serverVersion"]
    request.config.stash[SERVER_VERSION] = server["gitVersion"]
    return run


@pytest.fixture
def namespace(kubectl: Callable[..., str]) -> Iterator[str]:
    """A new namespace under the restricted Pod Security Standard, deleted when the test has ended."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def load_image(request: pytest.FixtureRequest, kubeconfig: Path) -> Callable[[Path], None]:
    """`load_image(archive)` puts an image on the node; a cluster given by name must have it already."""
    options = request.config.option

    def load(archive: Path) -> None:
        if options.kubeconfig_name:
            print(f"{kubeconfig}: {archive} is not loaded into a cluster given by name")
            return
        _run([options.kind_bin, "load", "image-archive", str(archive), "--name", options.cluster_name])

    return load


@pytest.fixture(scope="session")
def operator_image(load_image: Callable[[Path], None]) -> str:
    """The reference of the operator's image, built from this checkout and loaded."""
    load_image(Path(_cluster_command("image", "operator")))
    return OPERATOR_IMAGE


@pytest.fixture(scope="session")
def own_cluster(request: pytest.FixtureRequest) -> Callable[..., str]:
    """`own_cluster(*arguments)` is the command line of e2e/cluster; skips where another cluster is tested."""
    if not _is_own(request.config):
        pytest.skip("about the cluster without Docker, and these tests run on another")
    return _cluster_command


def _is_own(config: pytest.Config) -> bool:
    given = config.option.kind_bin
    return not config.option.kubeconfig_name and bool(given) and Path(given).resolve() == OWN_KIND


def _describe(config: pytest.Config) -> str:
    if config.option.kubeconfig_name:
        return f"the existing one of {config.option.kubeconfig_name}"
    if not _is_own(config):
        return f"made by {config.option.kind_bin}"
    return f"e2e/cluster, without Docker: {_cluster_command('versions')}"


def _docker_works() -> bool:
    docker = shutil.which("docker")
    try:
        return (
            bool(docker)
            and not subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False).returncode
        )
    except subprocess.TimeoutExpired:
        return False


def _refresh_kubeconfig(kind: str, name: str, target: str | None) -> None:
    """Write a kept cluster's kubeconfig: pytest-kind would use the file of last time, or an empty one."""
    if name in _run([kind, "get", "clusters"]).splitlines():
        file = Path(target or Path(".pytest-kind", name, "kubeconfig"))
        file.parent.mkdir(parents=True, exist_ok=True)
        _run([kind, "export", "kubeconfig", "--name", name, "--kubeconfig", str(file)])


def _cluster_command(*arguments: str) -> str:
    return _run([sys.executable, "-m", "e2e.cluster", *arguments]).strip()


def _run(command: Sequence[str], *, text: str | None = None, timeout: float = 600) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=timeout, check=False, cwd=HERE.parent
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(f"{done.stdout}\n{done.stderr}".strip())
        raise error
    return done.stdout
