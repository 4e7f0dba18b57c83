"""URLs of proxies are judged as Go parses them."""

import pytest

from vmagent_operator.scrape.checks.url import proxy_fault as fault


@pytest.mark.parametrize(
    "text",
    [
        *(
            "http://p",
            "HTTPS://u:p@p:1/path?x=%zz#y",
            "socks5://p:1",
            "tls+socks5://p",
            "http://[::1]:3128/",
            "http:p",
            "http:///x",
        ),
        *(
            "http://[fe80::1%25eth0]:1",
            "http://[::1%25a%20b%41]",
            "http://%C3%A9:1",
            "http://é",
            "http://p#\x7f",
            "socks5://a:b:1",
            "http://u:p%25@p:",
        ),
    ],
)
def test_urls_that_vmagent_takes(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "p:1",
            "//p",
            "ftp://p",
            "http//p",
            "http://a b",
            "http://%zz",
            "http://p/%",
            "http://p#%g0",
            "http://u:p%@p",
            "http://a:b:1",
        ),
        *(
            "http://p:x",
            "http://%41",
            "http://[::1",
            "http://[1.2.3.4]",
            "http://a[::1]",
            "http://[::1%25]",
            "http://[::1%eth0]",
            "http://u u@p",
        ),
        *(
            "http://p\n",
            "http://[fe80::1%25é]",
            "http://\ud800",
            "http://[::1]x",
            "http://[::1%25%5E]",
            "http://[::%41]",
            "http://a^b",
        ),
    ],
)
def test_urls_that_vmagent_refuses(text: str) -> None:
    assert fault(text) == "expected a URL with scheme http, https, socks5 or tls+socks5"


def test_the_limit_is_named() -> None:
    assert fault("http://" + "a" * 3000) == "more than 2048 characters (limit URL_CHARACTERS)"
