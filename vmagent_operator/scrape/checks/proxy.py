"""URLs of proxies: does vmagent take one?

It parses them with Go's `net/url`, and refuses its whole file for one that it does not take. Each part is found by its
delimiters and looked at once.

Source: https://github.com/golang/go/blob/go1.26.8/src/net/url/url.go,
https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.150.0/lib/proxy/proxy.go
"""

from ipaddress import IPv6Address

from vmagent_operator import limits

_SCHEMES = frozenset(("http", "https", "socks5", "tls+socks5"))
_STRICT = frozenset(("http", "https"))
"""Schemes with one colon at most in a host."""
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_USER = _LETTERS | frozenset("-._:~!$&'()*+,;=%@")
_NO_HOST = frozenset(" \\^`{|}")
_ZONE = _LETTERS | frozenset("-_.~!$&'()*+,;=:[]<>\"")
_EXPECTED = "expected a URL with scheme http, https, socks5 or tls+socks5"


def fault(text: str) -> str | None:
    """Why `text` is no URL of a proxy; None if it is one. The text itself, which may hold a password, is not repeated."""
    if len(text) > limits.URL_CHARACTERS:
        return f"{len(text)} characters are more than {limits.URL_CHARACTERS} (limit of a URL)"
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in _SCHEMES or not _is_url(scheme.lower(), rest):
        return _EXPECTED
    return None


def _is_url(scheme: str, rest: str) -> bool:
    rest, _, fragment = rest.partition("#")
    if any(char < " " or char == "\x7f" for char in rest) or any(
        "\ud800" <= char <= "\udfff" for char in rest + fragment
    ):
        return False
    rest, _, _ = rest.partition("?")
    if not _is_unescapable(fragment) or not rest.startswith("/"):
        return _is_unescapable(fragment)
    if not rest.startswith("//"):
        return _is_unescapable(rest)
    authority, slash, path = rest[2:].partition("/")
    user, _, host = authority.rpartition("@")
    return _USER.issuperset(user) and _is_unescapable(user) and _is_host(scheme, host) and _is_unescapable(slash + path)


def _is_host(scheme: str, host: str) -> bool:
    if host.startswith("["):
        address, bracket, port = host[1:].rpartition("]")
        return bool(bracket) and "[" not in address + port and _is_port(port) and _is_address(address)
    colon = host.find(":") if scheme in _STRICT else host.rfind(":")
    return (
        "[" not in host
        and (colon < 0 or _is_port(host[colon:]))
        and _NO_HOST.isdisjoint(host)
        and _is_unescapable(host, host=True)
    )


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and _DIGITS.issuperset(text[1:]))


def _is_address(text: str) -> bool:
    """Whether an IPv6 address, perhaps with a zone behind `%25`, stands between the brackets."""
    address, percent, zone = text.partition("%25")
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return "%" not in address and (not percent or _is_zone(zone))


def _is_zone(text: str) -> bool:
    """Whether there is a zone; what is escaped in it must not need to be, but for a space and `%`.

    Of one that is not ASCII, vmagent takes the URL, cannot read what it makes of it, and panics.
    """
    parts = text.split("%")
    escapes = (part[:2] for part in parts[1:])
    return (
        text != ""
        and text.isascii()
        and _NO_HOST.isdisjoint(text)
        and _is_unescapable(text)
        and all(code in ("20", "25") or chr(int(code, 16)) in _ZONE for code in escapes)
    )


def _is_unescapable(text: str, *, host: bool = False) -> bool:
    """Whether there are two hexadecimal digits behind each `%`; in a host they must mean no ASCII character but `%`."""
    codes = [part[:2] for part in text.split("%")[1:]]
    return all(
        len(code) == 2 and _HEX.issuperset(code) and (not host or code == "25" or code[0] not in "01234567")
        for code in codes
    )
