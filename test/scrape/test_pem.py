"""Certificates and keys that belong together, and those that do not. The files were made with openssl."""

from pathlib import Path

import pytest

from vmagent_operator.scrape.checks import pem

FILES = {path.name: path.read_text() for path in (Path(__file__).parent / "pem").iterdir()}
OWN = {"ec.crt": {"ec.key", "ec-sec1.key"}, "rsa.crt": {"rsa.key", "rsa-pkcs1.key"}}
KEYS = {"ec.key", "ec-sec1.key", "rsa.key", "rsa-pkcs1.key", "other.key"}


@pytest.mark.parametrize("certificate", OWN)
def test_a_key_belongs_to_its_certificate_alone(certificate: str) -> None:
    strangers = {key for key in KEYS if pem.are_strangers(FILES[certificate], FILES[key])}
    assert strangers == KEYS - OWN[certificate]


@pytest.mark.parametrize("key", ["ed.key", "ec.crt"])
def test_nobody_is_a_stranger_whose_public_key_cannot_be_told(key: str) -> None:
    assert not pem.are_strangers(FILES["ec.crt"], FILES[key])


def test_the_key_of_the_first_certificate_is_wanted() -> None:
    chain = FILES["ec.crt"] + FILES["rsa.crt"]
    assert not pem.are_strangers(chain, FILES["ec.key"])
    assert pem.are_strangers(chain, FILES["rsa.key"])


def test_only_a_text_that_holds_nothing_else_is_confused() -> None:
    assert pem.confused(FILES["ec.key"], "certificate") == "private key"
    assert pem.confused(FILES["rsa-pkcs1.key"], "certificate") == "private key"
    assert pem.confused(FILES["ec.crt"], "private key") == "certificate"
    assert pem.confused(FILES["ec.crt"] + FILES["ec.key"], "private key") is None
    assert pem.confused("some text", "certificate") is None


@pytest.mark.parametrize("body", ["", "MA==", "MIA=", "MIGH", "MAA=", "MAIwAA==", "/////w==", "A"])
def test_what_is_no_der_is_no_fault(body: str) -> None:
    reason_of = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    assert not pem.are_strangers(FILES["ec.crt"], reason_of)
    assert not pem.are_strangers(reason_of.replace("PRIVATE KEY", "CERTIFICATE"), FILES["ec.key"])
