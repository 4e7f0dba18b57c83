"""The controllers of the scrape kinds: what owners made of an object, as one status on it.

They read verdicts and write statuses, out of what the request budget leaves over: configuration and workloads never wait
for them, and whatever an owner says meanwhile, only its latest word is written.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.controller.engine.controller import Key
from vmagent_operator.controller.engine.kind import custom
from vmagent_operator.controller.engine.owners import OwnerIndex
from vmagent_operator.controller.engine.result import Result
from vmagent_operator.controller.engine.stores import Stores, parents
from vmagent_operator.controller.engine.verdicts import Verdicts
from vmagent_operator.identity import API_VERSION
from vmagent_operator.kube.errors import ApiError, Cancelled, Conflict, NotFound
from vmagent_operator.kube.http.client import Client
from vmagent_operator.scrape import selection
from vmagent_operator.scrape.owner import ScrapeOwner
from vmagent_operator.status.conditions import Status, condition_type
from vmagent_operator.status.scrape import scrape_status

logger = logging.getLogger(__name__)

RENEWALS_A_TTL = 4
"""How often within the age that a condition may reach it is looked whether it has reached it."""
CONFLICT_SECONDS = 1.0
"""After a conflict the newer state is on its way to the store, and brings the key back by itself; this is for the case
that it does not differ in what brings keys back."""


@define(eq=False)
class StatusReconciler:
    """Writes the statuses of one scrape kind.

    owners: all that may select an object of it, as the stores have them. index: finds the owner of one that we have made. count: hears the result of each write.
    """

    kind: Kind[Any]
    stores: Stores
    client: Client
    verdicts: Verdicts
    owners: Callable[[], Iterable[ScrapeOwner]]
    index: OwnerIndex
    ttl_seconds: float
    count: Callable[[str, str], None]
    _written: dict[Key, str] = field(init=False, factory=dict)
    """The resource version that a status was last written on: while the store still shows it, it is behind."""

    def reconcile(self, namespace: str, name: str) -> Result:
        """Make the status say what all owners made of the object; safe to call at any time."""
        key, scrape = (namespace, name), self.stores.get(custom(self.kind), namespace, name)
        if scrape is None:
            self._written.pop(key, None)
            return Result(kind="gone")
        if self._written.get(key) == scrape.metadata.resource_version:
            return Result()  # the event of that write brings the key back
        fresh = self._status(scrape)
        if fresh is None:
            return Result(after_seconds=self.ttl_seconds / RENEWALS_A_TTL if self.verdicts.of(scrape) else 0.0)
        return self._write(key, scrape, fresh)

    def crashed(self, namespace: str, name: str) -> Result:
        """What a reconcile that ended in a bug comes to."""
        return Result(kind="crash", message="internal error, see the operator's log")

    def _status(self, scrape: CustomObject[Any]) -> Status | None:
        said = self.verdicts.of(scrape)
        return scrape_status(
            scrape,
            said,
            self.verdicts.released(scrape),
            self.client.clock.now(),
            ttl_seconds=self.ttl_seconds,
            miss="" if said else self._miss(scrape),
        )

    def _miss(self, scrape: CustomObject[Any]) -> str:
        """What keeps the object from the owner that is nearest to selecting it; empty while not all have spoken.

        Nobody waits for that of an object that we have made ourselves.
        """
        owners = tuple(self.owners())
        parents = (condition_type(owner.object) for owner in owners)
        if self.index.keys(scrape) or not self.verdicts.have_all(parents, scrape):
            return ""
        if not owners:
            return "" if self._is_told(scrape) else selection.NOBODY
        return selection.nearest_miss(owners, scrape, self.stores.namespaces())

    def _is_told(self, scrape: CustomObject[Any]) -> bool:
        """Whether there is no need to say that nobody could select it, or no ground.

        Somebody else's owners may be beyond what we watch: what is said of this state of the object is not gainsaid.
        """
        is_seen = scrape.status.get("observedGeneration") == scrape.metadata.generation
        is_sure = all(self.stores.is_healthy(of.resource) for of in self.index.owners)
        return bool(parents(scrape)) or (is_seen and "reason" in scrape.status) or not is_sure

    def _write(self, key: Key, scrape: CustomObject[Any], fresh: Status) -> Result:
        own, kind = scrape.metadata, self.kind.singular
        metadata = {"namespace": own.namespace, "name": own.name, "uid": own.uid}
        metadata["resourceVersion"] = own.resource_version
        head = {"apiVersion": API_VERSION, "kind": self.kind.name, "metadata": metadata}
        try:
            self.client.replace(custom(self.kind), {**head, "status": fresh}, subresource="status")
        except Cancelled:
            return Result(kind="cancelled")
        except NotFound:
            return Result(kind="gone")
        except Conflict as error:
            self.count(kind, "conflict")
            return Result(kind="conflict", message=str(error), after_seconds=CONFLICT_SECONDS)
        except ApiError as error:
            self.count(kind, "error")
            logger.warning("%s %s: status not written: %s", kind, scrape.key, error)
            return Result(kind="transient", message=str(error), after_seconds=error.retry_after or 0.0)
        self.count(kind, "ok")
        self._written[key] = own.resource_version
        return Result()
