"""Plain JSON to an API server, apart from the client under test so that neither hides the other's faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import client, config

Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Refused(Exception):  # noqa: N818
    """The API server's answer when it is not a success; `status` is the HTTP code, `body` the Status object."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('reason', '')}: {body.get('message', '')}")
        self.status = status
        self.body = body


class Api:
    """One kubeconfig's access to a server; usable from several threads."""

    def __init__(self, kubeconfig: Path) -> None:
        self._configuration: Any = client.Configuration()
        config.load_kube_config(
            config_file=str(kubeconfig), client_configuration=self._configuration, persist_config=False
        )
        self._configuration.retries = False
        self._pool = client.ApiClient(self._configuration).rest_client.pool_manager

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **query: str
    ) -> Json:
        """The JSON answer of one request. Raises Refused for every status from 400 on."""
        answer = self._open(method, path, body, content_type, query, stream=False)
        return read(answer.data)

    def get(self, path: str, **query: str) -> Json:
        """The object or list at `path`. Raises Refused."""
        return self.request("GET", path, **query)

    def find(self, path: str) -> Json | None:
        """The object at `path`, or None when there is none. Raises Refused for any other failure."""
        try:
            return self.get(path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """Every object of the list at `path`. Raises Refused."""
        return list(self.get(path, **query)["items"])

    def create(self, path: str, body: Json | bytes) -> Json:
        """The object as created under the collection `path`; bytes are sent as they stand. Raises Refused."""
        return self.request("POST", path, body)

    def apply(self, path: str, body: Json, *, manager: str = "test") -> Json:
        """The object at `path` after a forced server-side apply of `body`. Raises Refused."""
        return self.request("PATCH", path, body, content_type=APPLY_PATCH, fieldManager=manager, force="true")

    def merge(self, path: str, body: Json) -> Json:
        """The object at `path` after a JSON merge patch. Raises Refused."""
        return self.request("PATCH", path, body, content_type=MERGE_PATCH)

    def delete(self, path: str, *, uid: str = "", grace_seconds: int | None = None) -> None:
        """Delete the object at `path`; one that is already gone is no error. Raises Refused."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self.request("DELETE", path, options)
        except Refused as error:
            if error.status not in (404, 409):
                raise

    def dry_run(self, path: str, body: Json) -> tuple[str, list[str]]:
        """What the server says to creating `body` in the collection `path`, without doing it: refusal and warnings.

        The refusal is empty when it would be created.
        """
        try:
            answer = self._open("POST", path, body, "application/json", {"dryRun": "All"}, stream=False)
        except Refused as error:
            return str(error.body.get("message")), []
        return "", [warning.split('"', 1)[1].rstrip('"') for warning in answer.headers.getlist("Warning")]

    def watch(self, path: str, *, resource_version: str, timeout_seconds: int = 30) -> Iterator[tuple[str, Json]]:
        """(event type, object) of every change after `resource_version` until the server ends the stream."""
        query = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(timeout_seconds)}
        answer = self._open("GET", path, None, "", query, stream=True)
        buffer = b""
        for chunk in answer.stream(amt=None):
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                yield event["type"], event["object"]

    def _open(self, method: str, path: str, body: Any, content_type: str, query: dict[str, str], stream: bool) -> Any:
        headers = {"Accept": "application/json"}
        headers |= {auth["key"]: auth["value"] for auth in self._configuration.auth_settings().values()}
        if body is not None:
            headers["Content-Type"] = content_type
        answer = self._pool.request(
            method,
            f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=body if isinstance(body, bytes | None) else json.dumps(body).encode(),
            headers=headers,
            preload_content=not stream,
            timeout=60,
        )
        if answer.status >= 400:
            raise Refused(answer.status, read(answer.data))
        return answer


def read(data: bytes) -> Json:
    """`data` as a JSON object; text that is none, or nested too deep to be read, becomes the message of one."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"message": data.decode(errors="replace").strip()}
