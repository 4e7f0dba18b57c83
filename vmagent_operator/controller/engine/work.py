"""What the worker of this thread is at, for whoever logs meanwhile.

Apart from the log, because whoever writes lines need not know of controllers, nor a reconcile of lines.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from uuid import uuid4

_NOTHING: Mapping[str, str] = MappingProxyType({})
_work: ContextVar[Mapping[str, str]] = ContextVar("work", default=_NOTHING)


def current() -> Mapping[str, str]:
    """`kind`, `namespace`, `name` and `reconcileID` of what is being reconciled in this thread; empty outside of a reconcile."""
    return _work.get()


@contextmanager
def working_on(kind: str, namespace: str, name: str) -> Iterator[None]:
    """Have `current` tell of one reconcile of this object."""
    token = _work.set({"kind": kind, "namespace": namespace, "name": name, "reconcileID": str(uuid4())})
    try:
        yield
    finally:
        _work.reset(token)
