"""`--dry-run`: a transport that reads for real and only says what it would write."""

import json
import logging
from collections.abc import Mapping

from attrs import field, frozen

from vmagent_operator.kube.http.transport import Query, Response, Stream, Transport
from vmagent_operator.kube.resource import Manifest

logger = logging.getLogger(__name__)

NO_HEADERS: Mapping[str, str] = {}


@frozen
class Dry:
    """Answers writes as if they had been made. What it has "deleted" is not found from then on, so that what is to be made in
    its place, and what comes after that, are said too."""

    transport: Transport
    deleted: set[str] = field(init=False, factory=set)

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
        if method == "DELETE":
            self.deleted.add(path)
        sent = json.loads(body or b"{}")
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


def _answer(status: int, body: Manifest) -> Response:
    return Response(status, {}, json.dumps(body).encode())
