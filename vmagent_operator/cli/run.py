"""`run`: the operator process, from its arguments to its exit code.

0: an orderly stop. 1: it could not start, lost its leadership, or did not stop in time. 2: arguments or environment
that cannot be used; that takes one line on stderr.
"""

import faulthandler
import json
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import yaml
from attrs import define, evolve, field

import vmagent_operator
from vmagent_operator import settings
from vmagent_operator.cli import flags
from vmagent_operator.cli.flags import FlagError, Flags
from vmagent_operator.kube import leader
from vmagent_operator.settings import Settings, SettingsError

LEASE_MARGIN_SECONDS = 1.0
"""How long before a lease may be lost the last write on it must have ended."""
SHORTEST_LEASE_SECONDS = 2 * LEASE_MARGIN_SECONDS
"""So that writes have a second at least."""
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class UsageError(Exception):
    """Arguments that do not go together; the text is one line."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the operator; its exit code."""
    if {"-h", "--help", "-help"} & set(arguments):
        print(flags.usage())
        return 0
    try:
        given = flags.parse(arguments)
        if given["version"]:
            print(vmagent_operator.__version__)
            return 0
        effective = _settings(given, environ)
        if given["printDefaults"]:
            print(defaults(environ, given["printFormat"]))
            return 0
        _check(given, environ)
    except FlagError as error:
        print(f"{error}; see --help", file=sys.stderr)
        return 2
    except (SettingsError, UsageError) as error:
        print(error, file=sys.stderr)
        return 2
    signals = Signals()
    signals.install()
    from vmagent_operator.cli.process import Process  # heavy: signals must have a handler by then

    return Process(given, effective, environ, signals.stop).run()


def _settings(given: Flags, environ: Mapping[str, str]) -> Settings:
    """The settings of the environment, with the flags that reach what is built."""
    found = settings.load(environ)
    return evolve(
        found,
        trim_secret_values=not given["disableSecretKeySpaceTrim"],
        disabled_kinds=given["controller.disableReconcileFor"],
    )


def _check(given: Flags, environ: Mapping[str, str]) -> None:
    if given["mtls.enable"] and not given["tls.enable"]:
        raise UsageError("flag -mtls.enable needs -tls.enable")
    if given["leader-elect"]:
        durations = (given[f"leader-elect-{name}"] for name in ("lease-duration", "renew-deadline", "retry-period"))
        if given["leader-elect-lease-duration"] < SHORTEST_LEASE_SECONDS:
            raise UsageError(f"leader election: the lease duration must be {SHORTEST_LEASE_SECONDS:g}s at least")
        if fault := leader.check(*durations):
            raise UsageError(f"leader election: {fault}")
        if not lease_namespace(given, environ):
            raise UsageError("flag -leader-elect-namespace is needed outside a cluster")


def is_dry(given: Flags, environ: Mapping[str, str]) -> bool:
    """Whether nothing is to be written."""
    return bool(given["dry-run"]) or environ.get("DRY_RUN") == "true"


def lease_namespace(given: Flags, environ: Mapping[str, str]) -> str:
    """Where the lease is; "" if nobody says."""
    return str(given["leader-elect-namespace"]) or own_namespace(environ)


def own_namespace(environ: Mapping[str, str]) -> str:
    """The namespace of this pod; "" outside a cluster."""
    if found := environ.get("POD_NAMESPACE"):
        return found
    try:
        return NAMESPACE_FILE.read_text().strip()
    except OSError:
        return ""


def defaults(environ: Mapping[str, str], form: str) -> str:
    """Every environment variable: its effective value, whether that is the default, and what it does."""
    rows = [
        {
            "name": found.name,
            "value": found.text(environ),
            "default": not environ.get(found.name),
            "description": found.doc,
        }
        for found in settings.VARIABLES
    ]
    if form == "json":
        return json.dumps(rows, indent=2)
    if form == "yaml":
        return yaml.safe_dump(rows, sort_keys=False).rstrip()
    if form == "list":
        return "\n".join(f"{row['name']}={row['value']}\n    {row['description']}" for row in rows)
    width = max(len(str(row["name"])) for row in rows)
    lines = (
        f"{row['name']:<{width}}  {'' if row['default'] else '* '}{row['value'] or '-'}  {row['description']}"
        for row in rows
    )
    return "\n".join(lines)


@define
class Signals:
    """What the process makes of signals: as PID 1 it would otherwise ignore SIGTERM."""

    stop: threading.Event = field(factory=threading.Event)

    def install(self) -> None:
        """Handle signals from now on; only the main thread may call it, elsewhere it does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        faulthandler.enable()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for number in (signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        faulthandler.register(signal.SIGUSR1, all_threads=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stop.is_set():
            os._exit(1)
        self.stop.set()


def identity(environ: Mapping[str, str]) -> str:
    """A name that no other process has."""
    return f"{environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4()}"
