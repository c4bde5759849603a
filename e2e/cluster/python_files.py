"""The files of an image with Python: the interpreter that runs this, moved to /usr/local, and its libraries."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from .archive import Entry, tree
from .errors import ClusterError
from .prerequisites import static_busybox

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
LIBRARY = f"/usr/local/lib/{VERSION}"
SITE_PACKAGES = f"{LIBRARY}/site-packages"
# Certificates, and the table that tells the loader of libraries in unusual folders.
FROM_THIS_MACHINE = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/ld.so.cache"))
UNWANTED_FOLDERS = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"}
UNWANTED_NAMES = ("site-packages", "dist-packages", "config-*", "*.opt-?.pyc", "*.a", "_tkinter*", "_test*", "nis.*")


def interpreter() -> Path:
    """The real executable of the running Python, outside any virtual environment."""
    return Path(sys.base_prefix, "bin", VERSION).resolve()


def python_layer() -> list[Entry]:
    """Interpreter, standard library without its tests, a shell and small programs, /tmp, two users."""
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    files = list(tree(library, LIBRARY, _is_wanted))
    extensions = [entry.source for entry in files if entry.source and entry.source.suffix == ".so"]
    return [
        Entry(f"/usr/local/bin/{VERSION}", source=interpreter()),
        Entry("/usr/local/bin/python3", link=VERSION),
        Entry("/usr/local/bin/python", link=VERSION),
        *files,
        *shared_libraries([interpreter(), *extensions]),
        *(Entry(str(path), source=path) for path in FROM_THIS_MACHINE if path.exists()),
        *shell_files(),
        # Without its line here a user of an image runs in the group of root.
        Entry("/etc/passwd", text="root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/sh\n"),
        Entry("/etc/group", text="root:x:0:\nnonroot:x:65532:\n"),
    ]


def shell_files() -> Iterator[Entry]:
    """Busybox as sh, cat, sleep and so on; and /tmp."""
    busybox = static_busybox()
    if not busybox:
        raise ClusterError("no statically linked busybox: install the package busybox-static")
    yield Entry("/bin/busybox", source=busybox)
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    yield from (Entry(f"/bin/{name}", link="/bin/busybox") for name in listed if name != "busybox")
    yield Entry("/tmp", mode=0o1777)  # noqa: S108 - the image's, not this machine's


def site_layer(site: Path) -> list[Entry]:
    """What `pip install --target SITE` left there, and the libraries that it needs of this machine."""
    files = list(tree(site, SITE_PACKAGES, lambda path: path.parts[0] != "bin"))
    extensions = [entry.source for entry in files if entry.source and ".so" in entry.source.suffixes]
    return [*files, *shared_libraries(extensions, besides=site)]


def shared_libraries(programs: Iterable[Path], besides: Path | None = None) -> list[Entry]:
    """The libraries that ldd names, at the paths where the loader looks for them, and the loader itself."""
    found: set[Path] = set()
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        words = line.split(" => ")[-1].split()
        # A heading names one of the programs: "/usr/lib/…/_ssl.so:".
        if words and words[0].startswith("/") and not words[0].endswith(":"):
            found.add(Path(words[0]))
    return [Entry(str(path), source=path) for path in sorted(found) if not besides or besides not in path.parents]


def _is_wanted(path: PurePosixPath) -> bool:
    return path.name not in UNWANTED_FOLDERS and not any(path.match(pattern) for pattern in UNWANTED_NAMES)
