"""vmagent's HTTP listener, as probes, reloader and self scrape reach it.

Port and insert ports are fields; TLS, path prefix, proxy protocol and keys are read from `extraArgs`.
"""

import posixpath
import re
from urllib.parse import quote, quote_plus

from vmagent_operator.desired import args
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.settings import Settings


def port(agent: VMAgent, settings: Settings) -> str:
    """The port as given; it should be a number, but nothing checks that before the API server does."""
    return spec(agent).apps.port or settings.vmagent_port


def number_or_name(port: str) -> int | str:
    """A port as Kubernetes' IntOrString; no number of more than five digits is one."""
    return int(port) if port.isdecimal() and len(port) <= 5 else port


def scheme(agent: VMAgent) -> str:
    """http or https."""
    return "https" if args.first(spec(agent).apps.extra_args, "tls") == "true" else "http"


def has_proxy_protocol(agent: VMAgent) -> bool:
    """Whether connections must begin with a PROXY header."""
    return args.first(spec(agent).apps.extra_args, "httpListenAddr.useProxyProtocol") == "true"


def path(agent: VMAgent, path: str) -> str:
    """`path` below the path prefix; without a slash in front if the prefix has none."""
    prefix = spec(agent).apps.extra_args.get("http.pathPrefix", "")
    return re.sub("^/+", "/", posixpath.normpath(prefix + path))


def reload_url(agent: VMAgent, settings: Settings) -> str:
    """The URL that makes vmagent read its configuration again, with what `extraArgs` say it asks for."""
    extra = spec(agent).apps.extra_args
    host = settings.loopback or ("localhost" if settings.enable_tcp6 else "127.0.0.1")
    encoded = quote(path(agent, "/-/reload"), safe="$&+,/:;=@~")
    query = f"?authKey={quote_plus(key)}" if (key := extra.get("reloadAuthKey")) else ""
    login = "" if key or spec(agent).reloader.config_reload_auth_key_secret else _login(agent)
    return f"{scheme(agent)}://{login}{host}:{port(agent, settings)}/{encoded.removeprefix('/')}{query}"


def _login(agent: VMAgent) -> str:
    """User and password for a URL; nothing if vmagent takes the password from a file or the environment."""
    extra = spec(agent).apps.extra_args
    user, password = extra.get("httpAuth.username", ""), extra.get("httpAuth.password", "")
    if not user or password.startswith(("file:", "http:", "https:")) or "%{" in user + password:
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"
