"""URLs as Go's `net/url` reads them: what vmagent's flags and its configuration may hold.

Python's parser takes nearly any text, so that it says nothing about what vmagent is going to refuse.

Source: net/url/url.go of Go 1.26, lib/proxy/proxy.go of VictoriaMetrics 1.150
"""

from ipaddress import AddressValueError, IPv6Address
from string import ascii_letters, digits, hexdigits

from vmagent_operator import limits

_LETTERS = frozenset(ascii_letters)
_SCHEME = _LETTERS | frozenset(digits + "+-.")
_USER = frozenset(ascii_letters + digits + "-._:~!$&'()*+,;=%@")
_HOST = frozenset(ascii_letters + digits + "-_.~!$&'()*+,;=:[]<>\"")
_PROXIES = frozenset(("http", "https", "socks5", "tls+socks5"))


class InvalidURL(ValueError):  # noqa: N818
    """A text that Go does not take for a URL; the message says why."""


def scheme(text: str) -> str:
    """The scheme of a URL, in lower case; empty for one without. Raises InvalidURL."""
    if len(text) > limits.URL_CHARACTERS:
        raise InvalidURL(limits.URL_CHARACTERS.exceeded)
    rest, _, fragment = text.partition("#")
    _escapes(fragment)
    if any(char < " " or char == "\x7f" for char in rest):
        raise InvalidURL("a control character")
    found, rest = _split(rest)
    rest = rest.partition("?")[0]
    if found and not rest.startswith("/"):
        return found
    if not rest.startswith("/") and ":" in rest.partition("/")[0]:
        raise InvalidURL("no scheme")
    if rest.startswith("//") and (found or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        _authority(found, authority)
        rest = slash + path
    _escapes(rest)
    return found


def proxy_fault(text: str) -> str | None:
    """Why `text` is no URL of a proxy; None if it is one. The text itself, which may hold a password, is not repeated."""
    if len(text) > limits.URL_CHARACTERS:
        return limits.URL_CHARACTERS.exceeded
    try:
        is_proxy = scheme(text) in _PROXIES and not any("\ud800" <= char <= "\udfff" for char in text)
    except InvalidURL:
        is_proxy = False
    return None if is_proxy else "expected a URL with scheme http, https, socks5 or tls+socks5"


def _split(text: str) -> tuple[str, str]:
    """The scheme and what follows its colon; the whole text for one without."""
    for index, char in enumerate(text):
        if char == ":":
            if not index:
                raise InvalidURL("no scheme")
            return text[:index].lower(), text[index + 1 :]
        if char not in (_SCHEME if index else _LETTERS):
            break
    return "", text


def _authority(found: str, text: str) -> None:
    user, _, host = text.rpartition("@")
    if not _USER.issuperset(user):
        raise InvalidURL("a user name or password with a character that must be escaped")
    for part in user.split(":", 1):
        _escapes(part)
    opening = host.rfind("[")
    if opening > 0:
        raise InvalidURL("a bracket inside the host")
    if opening == 0:
        _literal(host)
        return
    at_colon = host.find(":") if found in ("http", "https") else host.rfind(":")
    if at_colon >= 0:
        _port(host[at_colon:])
    _host(host)


def _literal(host: str) -> None:
    """`[...]` with an IPv6 address, and perhaps a port behind."""
    inner, closing, port = host[1:].rpartition("]")
    if not closing:
        raise InvalidURL("a missing ]")
    _port(port)
    address, percent, zone = inner.partition("%25")
    try:
        IPv6Address(address)
        is_address = "%" not in address
    except AddressValueError:
        is_address = False
    if not is_address:
        raise InvalidURL("brackets around something else than an IPv6 address")
    if percent:
        _zone(zone)


def _zone(text: str) -> None:
    """What follows `%25`; what is escaped in it must not need to be, but for a space and `%`.

    Of one that is not ASCII, vmagent takes the URL, cannot read what it makes of it, and panics.
    """
    if not text:
        raise InvalidURL("an empty zone")
    if not text.isascii():
        raise InvalidURL("a zone that is not ASCII")
    _escapes(text)
    escaped = [part[:2] for part in text.split("%")[1:]]
    if not _HOST.issuperset(text.replace("%", "")) or any(
        code not in ("20", "25") and chr(int(code, 16)) not in _HOST for code in escaped
    ):
        raise InvalidURL("a character that no zone has")


def _port(text: str) -> None:
    if text and not (text[0] == ":" and all(char in digits for char in text[1:])):
        raise InvalidURL("a port that is no number")


def _host(text: str) -> None:
    if any(char < "\x80" and char != "%" and char not in _HOST for char in text):
        raise InvalidURL("a character that no host has")
    _escapes(text, is_host=True)


def _escapes(text: str, *, is_host: bool = False) -> None:
    """Each `%` begins two hexadecimal digits; in a host, those of a byte that is no ASCII."""
    for part in text.split("%")[1:]:
        if len(part) < 2 or part[0] not in hexdigits or part[1] not in hexdigits:
            raise InvalidURL("a % without two hexadecimal digits")
        if is_host and part[0] in "01234567" and part[:2] != "25":
            raise InvalidURL("an escaped character that no host has")
