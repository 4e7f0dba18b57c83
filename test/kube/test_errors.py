"""Answers of all sorts -> the one tree of errors."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vmagent_operator.kube import errors
from vmagent_operator.kube.errors import ApiError

CASES = list(yaml.safe_load_all((Path(__file__).parent / "test_errors.yaml").read_text()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "reason", "message", "details", "causes", "field"]), inner, max_size=4
        )
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_answer(case: dict[str, Any]) -> None:
    body = case["text"] if "text" in case else json.dumps(case["body"])
    error = errors.from_response(case["status"], case.get("headers", {}), body.encode())
    want = {"reason": "", "retry_after": None, "causes": [], "is_uncertain": False} | case["want"]
    assert {
        "type": type(error).__name__,
        "status": error.status,
        "reason": error.reason,
        "message": str(error),
        "retry_after": error.retry_after,
        "causes": [list(cause) for cause in error.causes],
        "is_uncertain": error.is_uncertain,
    } == want


@given(JSON, st.integers(300, 599))
def test_no_body_is_too_odd(body: Any, status: int) -> None:
    error = errors.from_response(status, {}, json.dumps(body).encode())
    assert isinstance(error, ApiError)
    assert error.status == status
    assert str(error)


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (410, errors.Gone, "410 Gone"),
        (400, errors.BadRequest, "400 Bad Request"),
        (499, errors.BadRequest, "499 without explanation"),
        (500, errors.ServerError, "500 Internal Server Error"),
        (302, errors.BadResponse, "302 Found"),
        ("410", errors.ServerError, "0 without explanation"),
        (None, errors.ServerError, "0 without explanation"),
    ],
)
def test_an_error_in_a_watch_is_that_of_its_own_code(code: Any, kind: type[ApiError], message: str) -> None:
    found = errors.from_status({"kind": "Status", "code": code})
    assert (type(found), str(found)) == (kind, message)


@pytest.mark.parametrize("sent", [True, False])
def test_a_network_error_is_uncertain_if_something_was_sent(sent: bool) -> None:
    assert errors.NetworkError("reset", sent=sent).is_uncertain is sent
