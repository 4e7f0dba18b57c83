"""Texts at random for fields that vmagent parses, most of them nearly right: pieces of the language, put together and spoilt.

The same seed gives the same texts.
"""

from collections.abc import Callable, Iterator, Mapping
from random import Random

Make = Callable[[Random], str]

_REGEX_PIECES = (
    *(
        "a",
        "b",
        "-",
        "z",
        "0",
        "9",
        "1",
        ",",
        ":",
        "_",
        " ",
        "é",
        "\u20ac",
        "😀",
        "\n",
        "\x00",
        "/",
        "'",
        '"',
        "`",
        "%",
        "#",
        "<",
        ">",
        "=",
        "!",
    ),
    *(
        "(",
        ")",
        "(?:",
        "(?i)",
        "(?i:",
        "(?s-m:",
        "(?U)",
        "(?-)",
        "(?i-)",
        "(?",
        "(?P<n>",
        "(?<n>",
        "(?P<é>",
        "(?P<",
        "(?=",
        "(?#",
        "(|",
        "()",
    ),
    *(
        "[",
        "]",
        "[^",
        "[a-z]",
        "[z-a]",
        "[[:alpha:]]",
        "[:alpha:]",
        "[[:^word:]",
        "[[:no:]]",
        "[^]]",
        "[]",
        "[-",
        "-]",
        "[\\d-z]",
        "[a-\\d]",
        ":]",
    ),
    *(
        "*",
        "+",
        "?",
        "{",
        "}",
        "{2}",
        "{2,}",
        "{2,5}",
        "{,5}",
        "{0}",
        "{1000}",
        "{1001}",
        "{100}",
        "{01}",
        "{5,2}",
        "{1,1000}",
        "{10}?",
        "{99999999999}",
    ),
    *("|", ".", "^", "$", "^*", "$+", "||", ".*", ".+", "a|b|c", "abc|abd", "\\"),
    *(
        r"\d",
        r"\W",
        r"\b",
        r"\B",
        r"\A",
        r"\z",
        r"\Z",
        r"\C",
        r"\Q",
        r"\E",
        r"\Qa*\E",
        r"\n",
        r"\y",
        r"\_",
        r"\.",
        r"\é",
        r"\0",
        r"\1",
        r"\12",
        r"\777",
        r"\8",
    ),
    *(
        r"\x41",
        r"\x4",
        r"\x{41}",
        r"\x{}",
        r"\x{10FFFF}",
        r"\x{110000}",
        r"\x{000000000041}",
        r"\x{zz}",
        r"\x{D800}",
        r"\a",
        r"\v",
        r"\cA",
        r"\h",
    ),
    *(
        r"\pL",
        r"\PN",
        r"\p{Greek}",
        r"\p{^Han}",
        r"\p{greek}",
        r"\p{Old_Italic}",
        r"\p{Lowercase_Letter}",
        r"\p{l u}",
        r"\p{Any}",
        r"\p{no}",
        r"\p{",
        r"\pé",
        r"\p",
    ),
)
_REGEXES = (
    *(
        r"__meta_kubernetes_pod_label_(.+)",
        r"([^:]+)(?::\d+)?;(\d+)",
        r"(.+?)(\:\d+)?;(\d+)",
        "true",
        "(http|https)",
        r"go_(gc|memstats)_.*",
    ),
    *(
        r"[a-zA-Z_][a-zA-Z0-9_]{0,62}",
        r"(\d{1,3}\.){3}\d{1,3}",
        r"^(?i)(prod|staging)-[a-z]+$",
        r"(?P<host>[^.]+)\.(?P<rest>.*)",
        r"\/var\/lib\/.*",
    ),
)
_SELECTOR_PIECES = (
    *(
        "a",
        "up",
        "job",
        "__name__",
        "or",
        "OR",
        "with",
        "WITH",
        "nan",
        "inf",
        "sum",
        "by",
        "offset",
        "and",
        "unless",
        "if",
        "default",
        "bool",
        "ru",
        "ttf",
        "i",
    ),
    *(
        "{",
        "}",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "=~",
        "!~",
        "==",
        "+",
        "-",
        "*",
        "[",
        "]",
        "@",
        "[5m]",
        "5m",
        "1",
        "0x1",
        ".5",
        "1e3",
        "$__interval",
        ":",
        ".",
    ),
    *(
        '"b"',
        "'b'",
        "`b`",
        '""',
        '"',
        "'",
        "`",
        '"a\\"b"',
        "'a\\'b'",
        "'a\"b'",
        '"a\\\'b"',
        "`\\`",
        '"\\x41"',
        '"\\xff"',
        '"\\u00e9"',
        '"\\400"',
        '"\\077"',
        '"\\d"',
        '"\\\\d"',
    ),
    *(
        '"("',
        '"a{100}"',
        '"(a{100}){100}"',
        '".*"',
        '"a|b"',
        '"\\\\Qa"',
        "`\\d+`",
        "`[a`",
        '"\n"',
        "`\n`",
        '"\\ud800"',
        '"é"',
        '"\r"',
        "`\r`",
        '"__name__"',
    ),
    *(
        " ",
        "\t",
        "\n",
        "\v",
        "\f",
        "\r",
        "\xa0",
        "\u2003",
        "\u2028",
        "#",
        "# x\n",
        "é",
        "\u02b0",
        "\u2160",
        "😀",
        "\\",
        "\\-",
        "\\x41",
        "\\x4",
        "\\u0041",
        "\\ ",
        "\\\n",
        "\\é",
        "\\\ufffd",
    ),
)
_SELECTORS = (
    *(
        'up{job="a"}',
        '{a="b",c!="d"}',
        '{a=~"x.*" or b!~"y"}',
        '{"a.b"="c","up"}',
        'up{a="b" + "c"}',
        '({a="b"})',
        "foo:bar{}",
        'up{__name__="up"}',
    ),
    *(
        'with (x = {a="b"}) x{c="d"}',
        'with (x = {a="b"}, y = {x, c="d"}) {y}',
        'with (x = "a", y = x + "b") {a=y}',
        'with (x = y) x{a="b" or c="d"}',
    ),
    *(
        'with (x = {a="b" or c="d"}) x{e="f"}',
        'with (x = ({a="b"})) x',
        '{a="b",} # why',
        "a\\-b{c\\.d='e'}",
        '{or="a" or or="b"}',
        "{__name__=~'a|b'}",
    ),
    *(
        '{"up" or "down"}',
        '{__name__="a" or b="c"}',
        'with (x={a="b"}) {"x"}',
        'with (a={x="1"}) a{"b"}',
        'with (f(x) = x) f({a="b"})',
    ),
)
_QUANTITY_PIECES = (
    *(
        "0",
        "1",
        "5",
        "30",
        "1000",
        ".",
        "-",
        "+",
        "e",
        "E",
        "e3",
        "_",
        "0x",
        "x",
        "p",
        "p1",
        "inf",
        "nan",
        " ",
        "$__interval",
        "%",
        "9999999999",
        "µ",
    ),
    *(
        "ms",
        "s",
        "m",
        "h",
        "d",
        "w",
        "y",
        "i",
        "MS",
        "S",
        "M",
        "H",
        "mi",
        "mb",
        "us",
        "ns",
        "k",
        "kb",
        "KB",
        "KiB",
        "MiB",
        "mib",
        "GB",
        "Ti",
        "tb",
        "B",
    ),
)
_DURATIONS = ("30s", "1m30s", "1.5h", "1h-5m", "-1h5m", "5", "1e3", "2w", "500ms", "1i")
_SIZES = ("16MB", "16MiB", "1.5kb", "1e3", "-1", "64KiB", "1_0MB")
_URL_PIECES = (
    *(
        "http",
        "https",
        "socks5",
        "tls+socks5",
        "ftp",
        "HTTP",
        ":",
        "//",
        "/",
        "@",
        "[",
        "]",
        "?",
        "#",
        "%",
        "%41",
        "%zz",
        "%25",
        "%C3%A9",
        "%20",
        "u:p",
        "a",
    ),
    *(
        "proxy",
        ":3128",
        ":x",
        "::1",
        "[::1]",
        "[fe80::1%25eth0]",
        "127.0.0.1",
        "[1.2.3.4]",
        ":0",
        " ",
        "\t",
        "\x7f",
        "é",
        "<",
        '"',
        "^",
        "{",
        "|",
        "\\",
        "`",
        "*",
        ".",
        "-",
        "+",
    ),
)
_URLS = (
    "http://proxy:3128",
    "https://u:p@proxy:1/path?x=y#z",
    "socks5://p",
    "tls+socks5://u@p:1",
    "http://[::1]:3128/",
    "http://[fe80::1%25eth0]:1",
    "http:x",
)


def _mixed(pieces: tuple[str, ...], whole: tuple[str, ...]) -> Make:
    """Either pieces in a row, or something whole with a few pieces put in, taken away, or doubled."""

    def make(random: Random) -> str:
        if random.random() < 0.4:
            return "".join(random.choices(pieces, k=random.randint(0, 8)))
        text = random.choice(whole)
        for _ in range(random.randint(0, 3)):
            at, length = random.randint(0, len(text)), random.choice((0, 0, 1, 2, 5))
            piece = random.choice((random.choice(pieces), text[at : at + 4], ""))
            text = text[:at] + piece + text[at + length :]
        return text

    return make


def _nested(random: Random) -> str:
    """An expression that is right, but for how much it repeats: groups in groups, each repeated."""

    def part(depth: int) -> str:
        inner = random.choice(("a", ".", r"\d", "[a-z]", "a|b", "ab", ""))
        if depth and random.random() < 0.8:
            inner = "".join(part(depth - 1) for _ in range(random.randint(1, 2)))
        opening = random.choice(("(", "(?:", "(?i:", "(?P<n>"))
        return f"{opening}{inner})" + random.choice(
            ("", "*", "+?", "{2}", "{10}", "{0,31}", "{32,}", "{1,1000}", "{0}", "{,3}")
        )

    return part(random.randint(0, 5))


def _selector(random: Random) -> str:
    """A selector that is right but for what its strings say, often with templates."""

    def string() -> str:
        quote = random.choice("\"'`")
        body = random.choice(
            ("b", "a.*", "(a|b)+", r"\\d", r"\d", r"\\.", "a{2}", "(", "é", r"\"", r"\'", r"\x41", "", "[a-z]{1,1001}")
        )
        return f"{quote}{body}{quote}"

    def filter_() -> str:
        label = random.choice(("a", "b", "__name__", '"c.d"', "or", "x", "y"))
        if random.random() < 0.15:
            return label
        value = " + ".join(random.choice((string(), string(), "x", "y")) for _ in range(random.choice((1, 1, 1, 2))))
        return label + random.choice(("=", "!=", "=~", "!~")) + value

    def metric() -> str:
        name = random.choice(("", "", "up", "x", "y", "ru", "a:b"))
        joined = "".join(filter_() + random.choice((",", ", ", " or ", " OR ")) for _ in range(random.randint(0, 3)))
        filters = joined.rstrip(", ") if random.random() < 0.7 else joined
        return f"{name}{{{filters.removesuffix(' or').removesuffix(' OR')}}}" if random.random() < 0.9 else name or "up"

    def value() -> str:
        return random.choice(
            (metric, metric, string, lambda: f"({metric()})", lambda: "x", lambda: "x+x", lambda: f"({metric()}, y)")
        )()

    text = metric()
    if random.random() < 0.4:
        text = f"with (x = {value()}, y = {value()}{random.choice((',', ''))}) {text}"
    return random.choice((text, text, text, f"({text})", f"{text} # c", f"+{text}", f"(({text},))"))


def _either(*makes: Make) -> Make:
    return lambda random: random.choice(makes)(random)


MAKERS: Mapping[str, Make] = {
    "regex": _either(_mixed(_REGEX_PIECES, _REGEXES), _nested),
    "if": _either(_mixed(_SELECTOR_PIECES, _SELECTORS), _selector),
    "interval": _mixed(_QUANTITY_PIECES, _DURATIONS),
    "max_scrape_size": _mixed(_QUANTITY_PIECES, _SIZES),
    "proxyURL": _mixed(_URL_PIECES, _URLS),
}
"""The field of an endpoint, or of a rule of it, and how to make a text for it."""


def texts(field: str, count: int, seed: int) -> Iterator[str]:
    """`count` different texts for a field; none is empty, which is no text at all."""
    random, seen = Random(f"{field} {seed}"), {""}
    while len(seen) <= count:
        text = MAKERS[field](random)
        if text not in seen:
            seen.add(text)
            yield text
