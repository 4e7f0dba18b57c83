"""Faults by script: which request, the how-manyth of its kind, and what happens to it before or after its effect.

The same vocabulary serves both faces. A fault without an effect of its own but `delay_seconds` only delays.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import define, field, frozen

from test.apiserver.routes import Request


@frozen(kw_only=True)
class Fault:
    """What happens to requests number `first` to `first + times - 1` of those that match (`times` 0: for ever).

    verb, resource (`pods`, `deployments.apps`, `pods/eviction`), namespace and name are patterns with `*`. With `is_after` the
    request is carried out all the same. The answer is `status` with `body` and `headers`; or the request's own, cut at byte
    `cut_at`; or there is none, because the connection breaks (`is_lost`) or nothing ever comes (`hangs`).
    """

    verb: str = "*"
    resource: str = "*"
    namespace: str = "*"
    name: str = "*"
    first: int = 1
    times: int = 1
    is_after: bool = False
    delay_seconds: float = 0.0
    status: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | None = None
    cut_at: int | None = None
    is_lost: bool = False
    hangs: bool = False

    def matches(self, request: Request) -> bool:
        """Whether it is about this request."""
        resource = request.kind.storage + (f"/{request.subresource}" if request.subresource else "")
        pairs = (
            (self.verb, request.verb),
            (self.resource, resource),
            (self.namespace, request.namespace),
            (self.name, request.name),
        )
        return all(fnmatchcase(text, pattern) for pattern, text in pairs)

    @property
    def prevents(self) -> bool:
        """Whether the request has no effect."""
        return not self.is_after and bool(self.status or self.is_lost or self.hangs)


@define
class Script:
    """Faults still to come; each counts the requests that match it."""

    faults: list[Fault] = field(factory=list)
    _seen: dict[int, int] = field(factory=dict)

    def add(self, fault: Fault) -> None:
        """Have one more fault happen."""
        self.faults.append(fault)

    def clear(self) -> None:
        """No more faults."""
        self.faults.clear()
        self._seen.clear()

    def next(self, request: Request) -> Fault | None:
        """The fault that this request meets; the first of several."""
        due = None
        for fault in self.faults:
            if not fault.matches(request):
                continue
            count = self._seen[id(fault)] = self._seen.get(id(fault), 0) + 1
            if due is None and count >= fault.first and (not fault.times or count < fault.first + fault.times):
                due = fault
        return due
