"""An application's HTTP listener, as probes, reloader and self scrape reach it.

Port and insert ports are fields; TLS, path prefix, proxy protocol and keys are read from `extraArgs`.
"""

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from vmagent_operator.desired import args
from vmagent_operator.desired.component import Component

_FILLED_IN = re.compile(r"%\{|\$\(")
"""Begins what the application or the kubelet fills in."""


def port(component: Component) -> str:
    """The port as given; it should be a number, but nothing checks that before the API server does."""
    return component.params.port or component.defaults.port


def number_or_name(port: str) -> int | str:
    """A port as Kubernetes' IntOrString; no number of more than five digits is one."""
    return int(port) if port.isdecimal() and len(port) <= 5 else port


def scheme(component: Component) -> str:
    """http or https."""
    return "https" if args.first(component.params.extra_args, "tls") == "true" else "http"


def has_proxy_protocol(component: Component) -> bool:
    """Whether connections must begin with a PROXY header."""
    return args.first(component.params.extra_args, "httpListenAddr.useProxyProtocol") == "true"


def path(component: Component, path: str) -> str:
    """`path` below the path prefix; without a slash in front if the prefix has none."""
    prefix = component.params.extra_args.get("http.pathPrefix", "")
    return re.sub("^/+", "/", posixpath.normpath(prefix + path))


def reload_url(component: Component, *, has_key_file: bool) -> str:
    """The URL that makes the application read its configuration again, with what `extraArgs` say it asks for.

    has_key_file: whether the reloader adds the key of the address itself, which it reads from a file.
    """
    extra = component.params.extra_args
    key = extra.get("reloadAuthKey", "")
    return local_url(component, "/-/reload", key, "" if key or has_key_file else _login(extra))


def local_url(component: Component, at: str, key: str = "", login: str = "") -> str:
    """The URL of a path as the other containers of the pod reach it, with a key that it asks for."""
    settings = component.settings
    host = settings.loopback or ("localhost" if settings.enable_tcp6 else "127.0.0.1")
    encoded = quote(path(component, at), safe="$&+,/:;=@~")
    query = f"?authKey={quote_plus(key)}" if key else ""
    return f"{scheme(component)}://{login}{host}:{port(component)}/{encoded.removeprefix('/')}{query}"


def asks_for_what_only_it_knows(extra: Mapping[str, str]) -> bool:
    """Whether the application asks for a password that it takes from a file or its environment, where no reloader looks."""
    user, password = extra.get("httpAuth.username", ""), extra.get("httpAuth.password", "")
    is_elsewhere = password.startswith(("file:", "http:", "https:")) or bool(_FILLED_IN.search(user + password))
    return bool(user) and is_elsewhere


def _login(extra: Mapping[str, str]) -> str:
    """User and password for a URL, as far as they are known."""
    user, password = extra.get("httpAuth.username", ""), extra.get("httpAuth.password", "")
    if not user or asks_for_what_only_it_knows(extra):
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"
