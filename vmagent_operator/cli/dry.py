"""`--dry-run`: a transport that reads for real and only says what it would write: at once to the log, and in the end as a table."""

import json
import logging
from collections.abc import Mapping

from attrs import field, frozen

from vmagent_operator.cli.reports.changes import Changes
from vmagent_operator.kube.http.call import APPLY_TYPE
from vmagent_operator.kube.http.transport import Query, Response, Stream, Transport
from vmagent_operator.kube.resource import Json, Manifest

logger = logging.getLogger(__name__)

NO_HEADERS: Mapping[str, str] = {}


@frozen
class Dry:
    """Answers writes as if they had been made. What it has "deleted" is not found from then on, so that what is to be made in
    its place, and what comes after that, are said too.

    changes: the table that is filled.
    """

    transport: Transport
    changes: Changes = field(factory=Changes)
    deleted: dict[str, Manifest] = field(init=False, factory=dict)
    """Paths, and what was there."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout: float,
    ) -> Response:
        """See Transport."""
        if method == "GET":
            if path in self.deleted:
                return _answer(404, {"kind": "Status", "reason": "NotFound", "message": f"dry run: {path} is deleted"})
            return self.transport.request(method, path, query=query, headers=headers, body=body, timeout=timeout)
        logger.info("dry run: not sent: %s %s", method, path)
        sent = json.loads(body or b"{}")
        self._note(method, path, headers.get("content-type", ""), sent, timeout)
        metadata = {"name": path.rpartition("/")[2], "uid": "dry-run", "resourceVersion": "0"}
        if isinstance(sent, dict):
            metadata |= sent.get("metadata") or {}
        head = {key: sent[key] for key in ("apiVersion", "kind") if isinstance(sent, dict) and key in sent}
        return _answer(200, {**head, "metadata": metadata})

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] = NO_HEADERS, idle_timeout: float
    ) -> Stream:
        """See Transport."""
        return self.transport.stream(path, query=query, headers=headers, idle_timeout=idle_timeout)

    def _note(self, method: str, path: str, content_type: str, sent: Json, timeout: float) -> None:
        """Put a write into the table; statuses and the finalizers of owners are left out of it."""
        if method == "DELETE":
            if (live := self._live(path, sent, timeout)) is not None:
                self.deleted[path] = live
                self.changes.remove(live)
        elif content_type == APPLY_TYPE and not path.endswith("/status"):
            self.changes.put(sent, self.deleted.get(path) or self._live(path, sent, timeout))

    def _live(self, path: str, sent: Json, timeout: float) -> Manifest | None:
        """What is at a path now; the head of what is sent tells its kind, where the answer does not."""
        answer = self.transport.request("GET", path, timeout=timeout)
        if answer.status != 200:
            return None
        found: Manifest = json.loads(answer.body)
        return {key: sent[key] for key in ("apiVersion", "kind") if key in sent} | found


def _answer(status: int, body: Manifest) -> Response:
    return Response(status, {}, json.dumps(body).encode())
