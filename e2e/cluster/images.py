"""The images of the tests, each built again only when something that it is made of has changed."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from . import archive, python_files
from .archive import Entry, Image, write_image
from .binaries import binaries
from .cache import cached, key_of
from .configuration import PAUSE
from .errors import ClusterError
from .prerequisites import ensure_packages, static_busybox

PROJECT = Path(__file__).resolve().parents[2]
CONSTRAINTS = PROJECT / "constraints.txt"

BUSYBOX = Image("docker.io/library/busybox:1.36", command=["/bin/sh"])
PYTHON = Image("docker.io/library/python:3-slim", command=["python3"])
OPERATOR = Image(
    "docker.io/tidegate/operator:dev",
    entrypoint=["python3", "-m", "tidegate"],
    command=["operator"],
    # A number, so that the kubelet can tell that it is not root.
    user="65532:65532",
    environment=["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"],
)


def base_images() -> list[Path]:
    """Archives of the images that every cluster has: pause, busybox:1.36, python:3-slim."""
    return [pause_image(), busybox_image(), python_image()]


def pause_image() -> Path:
    """The container that holds a pod's namespaces."""
    program = binaries() / "pause"
    image = Image(PAUSE, entrypoint=["/pause"])
    return _image("pause", image, [program], lambda: [[Entry("/pause", source=program)]])


def busybox_image() -> Path:
    """A shell and the usual small programs."""
    ensure_packages()
    return _image("busybox", BUSYBOX, [static_busybox() or ""], lambda: [list(python_files.shell_files())])


def python_image() -> Path:
    """The running interpreter and its standard library under the name of the official image."""
    ensure_packages()
    return _image("python", PYTHON, _interpreter_inputs(), lambda: [python_files.python_layer()])


def operator_image() -> Path:
    """Python, the dependencies of the project without its extras, and the project as it lies here."""
    ensure_packages()
    dependencies = _dependencies()
    sources = [path for path in sorted(PROJECT.glob("operator/**/*")) if path.is_file() and path.suffix != ".pyc"]
    described = [PROJECT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    names = [str(path.relative_to(PROJECT)) for path in sources]
    inputs: list[str | Path] = [*_interpreter_inputs(), dependencies.name, *names, *sources, *described]
    project = cached("project", key_of(inputs), lambda target: _pip_install(target, ["--no-deps", str(PROJECT)]))
    return _image(
        "operator",
        OPERATOR,
        inputs,
        lambda: [
            python_files.python_layer(),
            python_files.site_layer(dependencies),
            python_files.site_layer(project),
        ],
    )


BUILDERS: dict[str, tuple[Image, Callable[[], Path]]] = {
    "busybox": (BUSYBOX, busybox_image),
    "python": (PYTHON, python_image),
    "operator": (OPERATOR, operator_image),
}


def archive_of(image: str) -> Path:
    """An archive by its path, or by the name or reference of an image that is built here.

    Raises ClusterError when it is neither.
    """
    for name, (built, build) in BUILDERS.items():
        if image in {name, built.reference, built.reference.removeprefix("docker.io/").removeprefix("library/")}:
            return build()
    if not Path(image).is_file():
        raise ClusterError(f"image {image!r}: neither an archive file nor one of {', '.join(BUILDERS)}")
    return Path(image)


def _image(name: str, image: Image, inputs: list[str | Path], layers: Callable[[], list[list[Entry]]]) -> Path:
    recipe: list[str | Path] = [Path(python_files.__file__), Path(archive.__file__), repr(image)]
    key = key_of([*recipe, *inputs])
    return cached(f"image-{name}", key, lambda target: write_image(target, image, layers()), suffix=".tar")


def _interpreter_inputs() -> list[str | Path]:
    return [sys.version, sys.base_prefix, python_files.interpreter()]


def _dependencies() -> Path:
    """A folder with what the project needs at least, at the versions of constraints.txt."""
    if not CONSTRAINTS.exists():
        raise ClusterError(f"{CONSTRAINTS}: not there, and without it nothing says which versions to install")
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    key = key_of([*_interpreter_inputs(), *wanted, CONSTRAINTS])
    return cached("dependencies", key, lambda target: _pip_install(target, ["-c", str(CONSTRAINTS), *wanted]))


def _pip_install(target: Path, what: list[str]) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--target", str(target)]
    done = subprocess.run([*pip, *what], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"pip install {' '.join(what)} failed ({done.returncode}):\n{done.stderr[-3000:]}")
