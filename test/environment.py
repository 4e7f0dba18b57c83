"""Makes the environment of `make`: `python3 test/environment.py FOLDER [EXTRA]`, for any Python from 3.7 on, before anything is installed.

Tells what it does, and in one line what is wrong: an unsuitable Python, a missing module, no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

OLDEST, NEWEST = (3, 11), (3, 13)
OTHERS = tuple(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1))
STEP = re.compile(r"^\s*(?:Collecting ([\w.-]+)|(Installing) collected packages)")
FAULTS = (
    (r"No space left on device", "the disk is full"),
    (r"Permission denied: '([^']*)'", r"\1 may not be written"),
    (r"CERTIFICATE_VERIFY_FAILED", "the package index shows a certificate that is not trusted"),
    (r"NewConnectionError|Retrying \(Retry|Could not fetch URL|ConnectTimeout|from versions: none", "the package index"
     " cannot be reached; check the network, or name a mirror or proxy (PIP_INDEX_URL, HTTPS_PROXY)"),
    (r"ERROR: (?!Failed to build)(.*)", r"\1"),
)  # fmt: skip
"""What pip prints, and what that means; the first that is found counts."""


class Unusable(Exception):  # noqa: N818
    """The environment cannot be made; the message is one line."""


def main(arguments: list[str]) -> int:
    """Make or mend the environment in a folder; the exit code."""
    folder, extra = arguments[0], arguments[1] if len(arguments) > 1 else ""
    try:
        if not is_suitable(sys.version_info[:2]):
            return subprocess.call([other(), os.path.abspath(__file__), *arguments])
        make(folder)
        install(folder, extra)
    except Unusable as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; `make` goes on where it was\n")
        return 130
    return 0


def is_suitable(version: tuple[int, ...]) -> bool:
    """Whether a (major, minor) will do."""
    return OLDEST <= tuple(version) <= NEWEST


def other(find: Callable[[str], str | None] = shutil.which) -> str:
    """Another Python of this machine that will do. Raises Unusable."""
    found = next((path for path in filter(None, map(find, OTHERS)) if works(path)), None)
    if found is None:
        wanted, here = f"{numbers(OLDEST)} to {numbers(NEWEST)}", numbers(sys.version_info[:2])
        raise Unusable(
            f"Python {wanted} is needed, {sys.executable} is {here}: install one, or name it: make PYTHON=..."
        )
    return found


def works(python: str, module: str = "venv") -> bool:
    """Whether this Python starts, will do, and has a module."""
    probe = f"import sys, {module}; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    return subprocess.call([python, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def make(folder: str) -> None:
    """An empty environment in `folder`, unless a working one is there. Raises Unusable."""
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(python) and works(python, "pip"):
        return
    say(f"making the environment in {folder} with Python {numbers(sys.version_info[:2])}")
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        text = done.stdout.decode(errors="replace")
        if "ensurepip" in text:
            raise Unusable("this Python has no venv: install it, on Debian and Ubuntu the package python3-venv")
        raise Unusable("no environment could be made: " + (text.strip().splitlines() or ["no reason given"])[-1])


def install(folder: str, extra: str) -> None:
    """The packages of setup.cfg, with those of `extra`. Raises Unusable."""
    started = time.time()
    target = f".[{extra}]" if extra else "."
    say("installing what tests and checks need" if extra else "installing what running needs")
    command = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar=off", "--retries=1", "--timeout=10", "--editable", target]
    log = os.path.join(folder, "install.log")
    with open(log, "w") as file:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        for line in pip.stdout or ():
            file.write(line)
            step = STEP.match(line)
            if step:
                show(step.group(1) or "unpacking")
    show("")
    if pip.wait():
        with open(log) as file:
            raise Unusable(f"{reason(file.read())} (all of it: {log})")
    say(f"installed in {time.time() - started:.0f} s")


def numbers(version: tuple[int, ...]) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


def reason(text: str) -> str:
    """Why pip failed, in a few words."""
    for pattern, words in FAULTS:
        found = re.search(pattern, text)
        if found:
            return found.expand(words).strip()
    return "pip failed"


def show(step: str) -> None:
    """The present step, over the last one, where somebody looks on."""
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K" + ("  " + step[:74] if step else ""))
        sys.stdout.flush()
    elif step:
        say("  " + step)


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
