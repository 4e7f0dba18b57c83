"""HTTPS: whose certificate is asked for, and that a certificate which is replaced on disk is used."""

import http.client
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test.kube.test_connection import authority
from vmagent_operator.serve import http as serving
from vmagent_operator.serve.http import Answer, Certificate, CertificateFiles, Server, ServingError

__all__ = ["authority"]


def files(directory: Path, clients: Path | None = None, *, asks_clients: bool = False) -> CertificateFiles:
    """The certificate `a`, where it can be replaced."""
    return CertificateFiles(directory / "a.crt", directory / "a.key", clients, asks_clients)


@pytest.fixture
def place(tmp_path: Path, authority: Path) -> Path:
    """A directory with copies of all certificates."""
    return Path(shutil.copytree(authority, tmp_path / "certificates"))


@contextmanager
def running(certificate: Certificate) -> Iterator[Server]:
    server = Server("127.0.0.1:0", {"/": lambda query, headers: Answer(b"well")}, certificate)
    server.start("test")
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def ask(server: Server, trusted: Path, own: Path | None = None) -> bytes:
    """An answer over TLS, as a client with the certificate `own`, if any. Raises OSError."""
    context = ssl.create_default_context(cafile=str(trusted))
    if own is not None:
        context.load_cert_chain(own)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_whoever_trusts_the_certificate_gets_an_answer(place: Path) -> None:
    with running(Certificate.read(files(place))) as server:
        assert ask(server, place / "a.crt") == b"well"
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(server, place / "b.crt")


def test_clients_show_a_certificate_of_the_authority_that_is_asked_for(place: Path) -> None:
    with running(Certificate.read(files(place, place / "b.crt", asks_clients=True))) as server:
        assert ask(server, place / "a.crt", place / "b.pem") == b"well"
        for own in (None, place / "a.pem"):
            with pytest.raises(OSError, match=r"."):
                ask(server, place / "a.crt", own)


def test_without_an_authority_clients_are_asked_by_that_of_the_system(place: Path) -> None:
    with (
        running(Certificate.read(files(place, asks_clients=True))) as server,
        pytest.raises(OSError, match=r"."),
    ):
        ask(server, place / "a.crt", place / "b.pem")


def test_a_certificate_that_is_replaced_is_used_and_a_bad_one_leaves_the_last(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "CERTIFICATE_SECONDS", 0.0)
    shutil.copy(place / "a.crt", place / "before.crt")
    with running(Certificate.read(files(place))) as server:
        for name in ("crt", "key"):
            shutil.copy(place / f"b.{name}", place / f"a.{name}")
        assert ask(server, place / "b.crt") == b"well"
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(server, place / "before.crt")
        (place / "a.key").write_text("no key")
        assert ask(server, place / "b.crt") == b"well"
        assert "cannot be read again, the old one stays" in caplog.text


def test_files_are_looked_at_no_oftener_than_they_need(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CERTIFICATE_SECONDS", 3600.0)
    with running(Certificate.read(files(place))) as server:
        for name in ("crt", "key"):
            shutil.copy(place / f"b.{name}", place / f"a.{name}")
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(server, place / "b.crt")


@pytest.mark.parametrize("name", ["a.crt", "a.key", "clients.crt"])
def test_what_cannot_be_used_is_told(place: Path, name: str) -> None:
    shutil.copy(place / "b.crt", place / "clients.crt")
    (place / name).unlink()
    with pytest.raises(ServingError, match=r"a\.crt cannot be used: "):
        Certificate.read(files(place, place / "clients.crt", asks_clients=True))
