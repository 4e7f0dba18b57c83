"""What vmagent refuses at its start about remote write: values of flags, and credentials that clash.

It then exits at once, each time, so that a roll-out with such a value would take the running pods away.

Source: app/vmagent/remotewrite/client.go, lib/promauth/config.go of VictoriaMetrics 1.150
"""

import re
from collections.abc import Callable, Iterator, Mapping

from vmagent_operator.api.vmagent import RemoteWriteSettings
from vmagent_operator.desired.args import is_quoted
from vmagent_operator.desired.around import goduration
from vmagent_operator.desired.around.goduration import InvalidDuration, nanoseconds
from vmagent_operator.scrape.checks import credentials, placeholder
from vmagent_operator.scrape.checks.raw import Fill
from vmagent_operator.scrape.checks.url import InvalidURL, scheme

Faults = Iterator[str]
_RUNTIME = re.compile(r"%\{([A-Z0-9_]{1,100})\}")
_OF_THE_IMAGE = ("HOME", "HOSTNAME", "PATH")
_HEADER_SEPARATOR = "^^"
_CREDENTIALS = (
    ("basic_auth", "username", "basicAuth.username"),
    ("basic_auth", "password_file", "basicAuth.passwordFile"),
    ("oauth2", "client_id", "oauth2.clientID"),
    ("oauth2", "client_secret_file", "oauth2.clientSecretFile"),
    ("oauth2", "token_url", "oauth2.tokenUrl"),
)
"""Block and key of a client, and the flag that gives it."""


def destination(flags: Mapping[str, str], path: str, filled: Fill) -> Faults:
    """What is wrong with the destination at `path`, given its value of each flag, named without `remoteWrite.`.

    A value that vmagent or the kubelet fills in, or that comes in quotes, is not judged.
    """
    for name, (key, judge) in _FLAGS.items():
        given = flags.get(name, "")
        parts = given.split(_HEADER_SEPARATOR) if name == "headers" else [given]
        for part in parts if given or name == "url" else ():
            if fault := _fault(judge, part, filled):
                yield f"{path}.{key}: {fault}"
    yield from (f"{path}: {fault}" for fault in credentials.faults(_client(flags)))


def common(settings: RemoteWriteSettings, filled: Fill) -> Faults:
    """What is wrong with the settings that all destinations share."""
    given = settings.flush_interval
    if given is not None and (fault := _fault(_ticks, given, filled)):
        yield f"spec.remoteWriteSettings.flushInterval: {fault}"


def deduplication(interval: str, path: str, filled: Fill) -> Faults:
    """What is wrong with the interval of deduplication that a block of aggregation options shares."""
    if interval and (fault := _fault(goduration.fault, interval, filled)):
        yield f"{path}.dedupInterval: {fault}"


def _client(flags: Mapping[str, str]) -> dict[str, object]:
    """The credentials of a destination as the configuration of a client would show them."""
    blocks: dict[str, dict[str, str]] = {}
    for block, key, flag in _CREDENTIALS:
        if given := flags.get(flag, "").removeprefix('""'):
            blocks.setdefault(block, {})[key] = given
    if "client_secret_file" not in blocks.get("oauth2", {}):
        blocks.pop("oauth2", None)  # vmagent then doesn't look at the others
    return {**blocks, "bearer_token_file": flags.get("bearerTokenFile", "")}


def _fault(judge: Callable[[str], str | None], given: str, filled: Fill) -> str | None:
    """What is wrong with a value; nothing if the kubelet, the user's quotes or the pod's environment have a say in it."""
    if is_quoted(given) or "$(" in given:
        return None
    try:
        said = filled(given)
    except placeholder.Unknown:
        said = _RUNTIME.sub(_stand_in, given)
    return None if said is None else judge(said)


def _stand_in(found: re.Match[str]) -> str:
    """Something for what the pod's runtime gives, such as the address of a Service; what nobody gives stays as it is."""
    name = found[1]
    return "1" if name in _OF_THE_IMAGE or "_SERVICE_" in name or "_PORT" in name else found[0]


def _url(text: str) -> str | None:
    if not text:
        return "is empty"
    try:
        found = scheme(text)
    except InvalidURL as error:
        return f"is no URL: {error}"
    return None if found in ("http", "https") else "expected a URL with scheme http or https"


def _proxy(text: str) -> str | None:
    if "://" not in text:
        return "expected a URL with scheme http, https or socks5"
    try:
        scheme(text)
    except InvalidURL as error:
        return f"is no URL: {error}"
    return None


def _header(text: str) -> str | None:
    return None if ":" in text else "expected `Name: value`"


def _ticks(text: str) -> str | None:
    """Why a ticker cannot have that period: vmagent panics on one that is not above zero."""
    try:
        return None if nanoseconds(text) > 0 else f"{text!r} is not above zero"
    except InvalidDuration as error:
        return str(error)


_FLAGS: Mapping[str, tuple[str, Callable[[str], str | None]]] = {
    "url": ("url", _url),
    "sendTimeout": ("sendTimeout", goduration.fault),
    "proxyURL": ("proxyURL", _proxy),
    "headers": ("headers", _header),
    "streamAggr.dedupInterval": ("streamAggrConfig.dedupInterval", goduration.fault),
}
"""Flag -> the field that it comes from, and what judges it."""
