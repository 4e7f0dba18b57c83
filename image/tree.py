"""The file tree of the image: the interpreter, what the operator imports, and the libraries that these load. Nothing else.

`python tree.py APP TREE`, in the build stage of the Dockerfile: APP holds the installed packages and becomes TREE/app. It is
pruned of what no run imports, which is most of the client library, and a test imports every module of the operator from a
tree. There is no shell, no package manager and no distribution in it.
"""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

NEVER_IMPORTED = (
    "bin",
    "kubernetes/aio",
    "kubernetes/client/api",
    "kubernetes/client/models/[!_]*",
)
"""Of the packages, as patterns: commands, the client's asynchronous half, and a class for each kind of every API, which it loads when asked."""
NOT_OF_USE = {
    *("__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tkinter", "turtledemo"),
    *("turtle.py", "venv", "sqlite3", "curses", "dbm", "distutils", "unittest", "xmlrpc"),
}
"""Of the standard library."""
EXTENSIONS_NOT_OF_USE = re.compile(
    r"_(test|tkinter|sqlite3|curses|gdbm|dbm|ctypes_test|xx|crypt)|nis\.|readline\.|xxlimited"
)
FILES = {
    "etc/passwd": "operator:x:65532:65532::/tmp:/sbin/nologin\n",
    "etc/group": "operator:x:65532:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""For a metrics client's certificate, where --mtls.CAName is empty."""


def make(app: Path, tree: Path) -> None:
    """Fill the new folder `tree`. Raises RuntimeError where the standard library is not laid out as expected."""
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = prefix.relative_to("/")
    (tree / inside / "bin").mkdir(parents=True)
    shutil.copytree(app, tree / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (path for pattern in NEVER_IMPORTED for path in (tree / "app").glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(prefix), "base": str(prefix)}))
    shutil.copytree(library, tree / library.relative_to("/"), ignore=_of_no_use)
    shutil.copy(prefix / "bin" / version, tree / inside / "bin" / version)
    (tree / inside / "bin/python").symlink_to(version)
    for name, text in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    if AUTHORITIES.exists():
        (tree / AUTHORITIES.relative_to("/")).parent.mkdir(parents=True)
        shutil.copy(AUTHORITIES, tree / AUTHORITIES.relative_to("/"))
    (tree / "tmp").mkdir()
    _link(prefix / "bin" / version, tree)
    # bytecode that is trusted unread, since nothing can change the files
    unread = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for folder in ("app", library.relative_to("/")):
        compileall.compile_dir(tree / folder, stripdir=str(tree), invalidation_mode=unread, quiet=2)
    _date(tree)
    (tree / "tmp").chmod(0o1777)


def _of_no_use(folder: str, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if name in NOT_OF_USE or name.startswith("config-") or EXTENSIONS_NOT_OF_USE.match(name) or name.endswith(".a")
    ]


def _link(python: Path, tree: Path) -> None:
    """Bring the shared libraries along, and the loader, to where the originals are looked for."""
    loaded = [python, *sorted(tree.rglob("*.so")), *sorted(tree.rglob("*.so.*"))]
    for library in sorted({library for binary in loaded for library in _libraries(binary)}):
        target = tree / library.relative_to("/")
        if not library.is_relative_to(tree) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)


def _libraries(binary: Path) -> Iterator[Path]:
    told = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    for path in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", told, re.MULTILINE):
        yield Path(path)


def _date(tree: Path) -> None:
    """The same times in every build."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for path in (tree, *tree.rglob("*")):
        os.utime(path, (moment, moment), follow_symlinks=False)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
