"""What is wrong with the parts of a spec that all components share; each kind says at which paths they stand with it."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from attrs import frozen

from vmagent_operator.api.apps import AdditionalServiceSpec, AppParams, EmbeddedHPA, EmbeddedVPA, InsertPorts, License
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.desired import listener
from vmagent_operator.desired.around.service import INSERT_PORTS, additional_name
from vmagent_operator.desired.component import Component
from vmagent_operator.identity import CONDITION_SUFFIX, SKIP_VALIDATION
from vmagent_operator.limits import REPLICAS
from vmagent_operator.model.decode import Fault
from vmagent_operator.scrape.errors import SHOWN
from vmagent_operator.settings import Settings

_MAX_LABEL = 63
"""Characters of a label's value, and of the name of a Service: the API server refuses more."""
_MAX_STATEFUL_SET = 52
"""Characters of the name of a StatefulSet that can have pods: they carry it in a label, with the hash of their revision behind it.

Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/controller/statefulset/stateful_set_utils.go (setPodRevision)
"""
_MAX_NAME = 253
"""Characters of the name of an object."""
_MAX_CONDITION_TYPE = 316
"""Characters of the type of a condition, by which scrape objects name the owner; their schema says so."""
_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")

Faults = Iterator[Fault]


@frozen
class Verdict:
    """What `verdict` found, in the order of the rules."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def reason(self) -> str:
        """The faults on one line, the first five of them."""
        return "; ".join(map(str, self.faults[:SHOWN]))


def verdict(
    owner: CustomObject[object],
    fatal: Iterable[Callable[[], Faults]],
    refused: Iterable[Callable[[], Faults]] = (),
    doubtful: Iterable[Callable[[], Faults]] = (),
) -> Verdict:
    """The faults and doubts of a decoded owner by these rules; an annotation of the user's leaves out all but the `fatal`."""
    skip = owner.metadata.annotations.get(SKIP_VALIDATION) == "true"
    faults = (*fatal, *(() if skip else refused))
    return Verdict(_found(faults), () if skip else _found(doubtful))


def _found(rules: Iterable[Callable[[], Faults]]) -> tuple[Fault, ...]:
    return tuple(chain.from_iterable(rule() for rule in rules))


def owner_name(owner: CustomObject[object]) -> Faults:
    """Faults of the name that labels, Services and conditions take over."""
    condition = f"{owner.name}.{owner.namespace}.{owner.kind.singular}{CONDITION_SUFFIX}"
    yield from _long(owner.name, _MAX_LABEL, "metadata.name", "the label of an instance")
    yield from _long(condition, _MAX_CONDITION_TYPE, "metadata.name", "a condition")
    if "." in owner.name:
        yield Fault("metadata.name", "a service cannot have a dot in its name")


def services(component: Component, given: AdditionalServiceSpec | None, path: str, whose: str) -> Faults:
    """Faults of the names of the component's Services; `whose` names it in the message."""
    additional = additional_name(component, given)
    yield from _long(component.name, _MAX_LABEL, "metadata.name", "a service")
    yield from _long(additional or "", _MAX_LABEL, f"{path}.metadata.name", "a service")
    if additional == component.name:
        yield Fault(f"{path}.metadata.name", f"{additional} is the name of the {whose}'s own service")


def stateful_set(component: Component) -> Faults:
    """The fault of a name with which a StatefulSet never gets a pod."""
    longest = f"{component.name}-{component.shards - 1}" if component.shards else component.name
    if component.kind == "StatefulSet" and len(longest) > _MAX_STATEFUL_SET:
        limit = f"a StatefulSet with more than {_MAX_STATEFUL_SET} has no pods"
        yield Fault("metadata.name", f"{longest} is {len(longest)} characters long, {limit}")


def object_name(name: str, of: str) -> Faults:
    """The fault of a name that is too long for an object."""
    yield from _long(name, _MAX_NAME, "metadata.name", of)


def _long(name: str, limit: int, path: str, of: str) -> Faults:
    if len(name) > limit:
        yield Fault(path, f"{name} is {len(name)} characters long, the name of {of} ends at {limit}")


def replicas(params: AppParams, path: str) -> Faults:
    """The fault of more pods than anybody may have."""
    if (params.replica_count or 0) > REPLICAS:
        yield Fault(f"{path}.replicaCount", REPLICAS.exceeded)


def autoscaler(given: EmbeddedHPA | None, path: str) -> Faults:
    """The fault of bounds the wrong way round."""
    if given is not None and (given.min_replicas or 1) > (given.max_replicas or 0):
        yield Fault(f"{path}.maxReplicas", "is lower than minReplicas")


def vertical(given: EmbeddedVPA | None, settings: Settings, path: str) -> Faults:
    """The fault of a vertical autoscaler where the operator runs without."""
    if given is not None and not settings.vpa_api_enabled:
        yield Fault(path, "the operator runs without VM_VPA_API_ENABLED=true")


def whole_vertical(given: EmbeddedVPA | None, path: str) -> Faults:
    """Faults of a vertical autoscaler that does not say when and for which containers."""
    if given is not None and not (given.update_policy or {}).get("updateMode"):
        yield Fault(f"{path}.updatePolicy.updateMode", "required")
    if given is not None and not (given.resource_policy or {}).get("containerPolicies"):
        yield Fault(f"{path}.resourcePolicy.containerPolicies", "required")


def insert_ports(given: InsertPorts | None, path: str) -> dict[str, str]:
    """The ports for other protocols by the paths of their fields."""
    return {f"{path}.{key}": getattr(given, attribute, "") for attribute, key, _, _ in INSERT_PORTS}


def port(text: str, path: str) -> Faults:
    """The fault of a port that is none; "" leaves it to a default."""
    number = listener.number_or_name(text) if text else 1
    if not (isinstance(number, int) and 0 < number < 65536):
        yield Fault(path, "is no port number")


def grace(params: AppParams, path: str) -> Faults:
    """The fault of a sleep that outlasts the time to shut down in."""
    sleep, seconds = params.pre_stop_sleep_seconds, params.termination_grace_period_seconds
    if sleep is not None and seconds is not None and sleep >= seconds:
        yield Fault(f"{path}.preStopSleepSeconds", "is not shorter than terminationGracePeriodSeconds")


def batch(value: int | str | None, path: str) -> Faults:
    """The fault of a number of pods to replace at a time."""
    is_batch = value >= 1 if isinstance(value, int) else bool(value and _PERCENTAGE.fullmatch(value))
    if not is_batch:
        yield Fault(path, "expected a number from 1 on or a percentage from 1% to 100%")


def license(given: License | None, path: str) -> Faults:
    """The fault of a license that is given twice."""
    if given is not None and given.key and given.key_ref:
        yield Fault(path, "both key and keyRef are set")


def interval(given: License | None, path: str) -> Faults:
    """The fault of a license that is to be read again from where it never stood."""
    if given is not None and given.reload_interval and not given.key_ref:
        yield Fault(f"{path}.reloadInterval", "has a meaning only with keyRef")
