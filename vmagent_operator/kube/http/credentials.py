"""Credentials of the API server: where they are found, and when they are read again.

They are found in the places that the official client knows. They are read again once a minute, and when the server
refuses them: in a thread of its own, since that may run a program that hangs; a request waits for it only if it has
nothing better to send. Time is the monotonic clock's, so a wall clock set back delays nothing.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml
from attrs import define, field, frozen
from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigMerger, load_kube_config

from vmagent_operator.kube.clock import Clock, SystemClock
from vmagent_operator.kube.http.unreadable import why
from vmagent_operator.kube.meter import Meter

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 60.0
"""A projected token is renewed on disk long before it ends; a look a minute is in time."""
PATIENCE_SECONDS = 0.1
"""How long a request waits for that look: the old token does for this one."""
RENEWAL_SECONDS = 60.0
"""How long one waits that was refused, and has no other token: a command may have to ask a person."""


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOME_CONFIG = "~/.kube/config"
_PLUGINS = ("auth-provider", "exec")
_TOKENS = ("auth-provider", "tokenFile", "token", "exec")
"""Where a user has a token; the client library takes the first."""
_UNSENDABLE = "holds a line break or another character that no token has"
_UNREADABLE = (ConfigException, OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError)


class CredentialsError(Exception):
    """There are no usable credentials; the message says where they were looked for and what is wrong there."""


@define(eq=False)
class Credentials:
    """The value of the Authorization header, "" if a client certificate does its work.

    `read` returns it anew; its argument says that the present one was refused. When it raises CredentialsError, the old
    value stays.
    """

    read: Callable[[bool], str]
    clock: Clock
    meter: Meter
    _value: str
    _read_at: float
    _reader: threading.Thread | None = field(init=False, default=None)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    """Protects `_reader`, so that there is one at a time: a plugin that asks a person must not ask twice. The value is
    replaced without it, by that one thread."""

    @classmethod
    def of(cls, read: Callable[[bool], str], clock: Clock, meter: Meter | None = None) -> Self:
        """What `read` returns now, and whenever it is time. Raises CredentialsError if it does, this once."""
        return cls(read, clock, meter or Meter(), read(False), clock.monotonic())

    def authorization(self) -> str:
        """What to send now."""
        if self.clock.monotonic() - self._read_at >= REFRESH_SECONDS:
            self._refresh(False).join(PATIENCE_SECONDS)
        return self._value

    def renew(self, refused: str, seconds: float) -> None:
        """Read again because the server did not take `refused`, waiting for `seconds` at most.

        Nothing is read if that has happened since.
        """
        if self._value == refused:
            self._refresh(True).join(min(seconds, RENEWAL_SECONDS))

    def _refresh(self, refused: bool) -> threading.Thread:
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._read, args=(refused,), name="credentials", daemon=True)
                self._reader.start()
            return self._reader

    def _read(self, refused: bool) -> None:
        try:
            self._value = self.read(refused)
        except CredentialsError as error:
            self.meter.token_failed()
            logger.error("credentials: not read again, the old ones stay: %s", error)
        self._read_at = self.clock.monotonic()


@frozen
class Access:
    """Where the API server is and how to be let in."""

    configuration: Any
    credentials: Credentials


def load(
    kubeconfig: str = "",
    context: str = "",
    *,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
    clock: Clock | None = None,
    meter: Meter | None = None,
) -> Access:
    """Credentials from `kubeconfig`, else the files of KUBECONFIG, else the pod's service account, else the home directory.

    Nothing is ever written back. Raises CredentialsError, also for a configuration that would send anonymous requests.
    """
    paths = kubeconfig or environ.get("KUBECONFIG", "")
    configuration = _configuration()
    in_cluster = not paths and bool(environ.get("KUBERNETES_SERVICE_HOST"))
    if in_cluster:
        where, read = "the service account", _in_cluster(configuration, service_account, environ)
    else:
        where = paths or HOME_CONFIG
        read = _kubeconfig(configuration, where, context or None)
    credentials = Credentials.of(read, clock or SystemClock(), meter)
    if not (credentials.authorization() or configuration.cert_file):
        raise CredentialsError(f"{where} has neither a token nor a client certificate")
    _set_proxy(configuration, environ, in_cluster)
    logger.info("api server %s: credentials=%s proxy=%s", configuration.host, where, _without_user(configuration.proxy))
    return Access(configuration, credentials)


def namespace(
    kubeconfig: str = "",
    context: str = "",
    *,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> str:
    """The namespace that whoever has these credentials means where none is given; "" if nothing says."""
    paths = kubeconfig or environ.get("KUBECONFIG", "")
    try:
        if not paths and environ.get("KUBERNETES_SERVICE_HOST"):
            return (service_account / "namespace").read_text().strip()
        config = KubeConfigMerger(paths or HOME_CONFIG).config
        entry = config["contexts"].get_with_name(context or config["current-context"])["context"]
        return str(entry.safe_get("namespace") or "")
    except _UNREADABLE:
        return ""


def _configuration() -> Any:
    configuration = Configuration()
    configuration.proxy = configuration.no_proxy = None
    return configuration


def _in_cluster(configuration: Any, directory: Path, environ: Mapping[str, str]) -> Callable[[bool], str]:
    token_file = directory / "token"
    loader = InClusterConfigLoader(str(token_file), str(directory / "ca.crt"), try_refresh_token=False, environ=environ)

    def read(refused: bool) -> str:
        try:
            token = token_file.read_text().strip()
        except OSError as error:
            raise CredentialsError(f"{token_file} cannot be read: {error.strerror}") from error
        if not token:
            raise CredentialsError(f"{token_file} is empty")
        if not _is_sendable(token):
            raise CredentialsError(f"{token_file} {_UNSENDABLE}")
        return f"Bearer {token}"

    try:
        loader.load_and_set(configuration)
    except _UNREADABLE as error:
        raise CredentialsError(f"the service account in {directory} cannot be used: {error}") from error
    return read


def _kubeconfig(configuration: Any, paths: str, context: str | None) -> Callable[[bool], str]:
    """Tokens and token files are read anew with their kubeconfig; what a plugin made, only when the client's own hook
    finds it about to expire."""
    current = configuration

    def read(refused: bool) -> str:
        nonlocal current
        try:
            if refused or not has_plugin:
                current = _configuration()
                load_kube_config(paths, context, current, persist_config=False)
            value = str(current.auth_settings().get("BearerToken", {}).get("value") or "").strip()
        except _UNREADABLE as error:
            raise CredentialsError(f"{paths} cannot be used: {why(error)}") from error
        if not _is_sendable(value):
            raise CredentialsError(f"{paths} cannot be used: {token} {_UNSENDABLE}")
        return value

    try:
        load_kube_config(paths, context, configuration, persist_config=False)
        name, user = _user(KubeConfigMerger(paths).config, context)
        has_plugin = any(key in user for key in _PLUGINS)
        token = f"{next((key for key in _TOKENS if key in user), 'token')} of user {name}"
    except _UNREADABLE as error:
        raise CredentialsError(f"{paths} cannot be used: {why(error)}") from error
    return read


def _user(config: Any, context: str | None) -> tuple[str, Any]:
    """Name and fields of who the context means; no fields if there is nobody of that name."""
    entry = config["contexts"].get_with_name(context or config["current-context"])["context"]
    name = str(entry.safe_get("user"))
    user = config["users"].get_with_name(name, safe=True)
    return name, user["user"] if user else ()


def _is_sendable(value: str) -> bool:
    """Whether it can be a header: a line break in one would begin the next."""
    return value.isascii() and value.isprintable()


def _set_proxy(configuration: Any, environ: Mapping[str, str], in_cluster: bool) -> None:
    """HTTPS_PROXY and NO_PROXY alone, and in a cluster not for the API server unless NO_PROXY shows that it was thought of."""
    no_proxy = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
    if configuration.proxy is None and proxy and configuration.host.startswith("https:"):
        configuration.proxy = None if in_cluster and not no_proxy else proxy
    configuration.no_proxy = no_proxy


def _without_user(proxy: str | None) -> str:
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else ""
