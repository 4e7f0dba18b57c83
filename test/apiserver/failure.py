"""Answers that are not the object: `Failure` carries a `Status` with the wording of the real server."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


class Failure(Exception):  # noqa: N818 -- what the API itself calls a failure
    """A refused request; `body` is the `Status` document that goes out with `code`."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers: Mapping[str, str] = {}
        self.body: Json = status(code, reason, message, details)
        if details and "retryAfterSeconds" in details:
            self.headers = {"Retry-After": str(details["retryAfterSeconds"])}


def status(code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """A `Status` document; success below 400."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    body["status"] = "Success" if code < 400 else "Failure"
    if message:
        body["message"] = message
    if reason:
        body["reason"] = reason
    if details:
        body["details"] = details
    return body | {"code": code}


def _details(group: str, plural: str, name: str = "") -> Json:
    out = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in out.items() if value}


def qualified(group: str, plural: str) -> str:
    """`deployments.apps`, or `secrets` in the core group."""
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> Failure:
    """404 for one object."""
    return Failure(404, "NotFound", f'{qualified(group, plural)} "{name}" not found', _details(group, plural, name))


def unknown_resource() -> Failure:
    """404 for a resource that is not served."""
    return Failure(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, plural: str, name: str) -> Failure:
    """409 for a create."""
    message = f'{qualified(group, plural)} "{name}" already exists'
    return Failure(409, "AlreadyExists", message, _details(group, plural, name))


def conflict(group: str, plural: str, name: str, message: str = "") -> Failure:
    """409 for a stale resource version or a failed precondition."""
    stale = "the object has been modified; please apply your changes to the latest version and try again"
    text = f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {message or stale}'
    return Failure(409, "Conflict", text, _details(group, plural, name))


def invalid(group: str, kind: str, name: str, faults: Sequence[tuple[str, str, str]]) -> Failure:
    """422; a fault is (reason such as FieldValueInvalid, field path, message after the path)."""
    causes = [{"reason": reason, "message": message, "field": path} for reason, path, message in faults]
    texts = list(dict.fromkeys(f"{path}: {message}" for _, path, message in faults))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(group, kind, name) | {"causes": causes}
    return Failure(422, "Invalid", f'{qualified(group, kind)} "{name}" is invalid: {joined}', details)


def bad_request(message: str) -> Failure:
    """400."""
    return Failure(400, "BadRequest", message)


def forbidden(group: str, plural: str, name: str, message: str) -> Failure:
    """403; `message` follows `<resource> "<name>" is forbidden: `."""
    subject = f'{qualified(group, plural)} "{name}"' if name else qualified(group, plural)
    return Failure(403, "Forbidden", f"{subject} is forbidden: {message}", _details(group, plural, name))


def gone(message: str) -> Failure:
    """410: a resource version or continue token that history no longer reaches."""
    return Failure(410, "Expired", message)


def method_not_allowed() -> Failure:
    """405."""
    return Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unsupported_media_type(given: str, accepted: Sequence[str]) -> Failure:
    """415: a body in a format that this kind does not take."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return Failure(415, "UnsupportedMediaType", message)


def too_many_requests(message: str, seconds: int, causes: Sequence[Json] = ()) -> Failure:
    """429 with a Retry-After."""
    return Failure(429, "TooManyRequests", message, {"causes": list(causes), "retryAfterSeconds": seconds})


def too_large_version(wanted: int, current: int) -> Failure:
    """504: a list or watch at a resource version that does not exist yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return Failure(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
