"""What may be wrong with any owner beyond its shape: the rules that several kinds have in common, and what they come to."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import frozen

from vmagent_operator.api.apps import AdditionalServiceSpec, AppParams, InsertPorts, License
from vmagent_operator.api.auth import Authorization, BasicAuth, OAuth2, SecretOrConfigMap, TLSConfig
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import ScrapeClass, ScrapingParams
from vmagent_operator.desired import listener, names
from vmagent_operator.desired.around.service import INSERT_PORTS, additional_name
from vmagent_operator.desired.component import Component
from vmagent_operator.identity import CONDITION_SUFFIX, SKIP_VALIDATION
from vmagent_operator.limits import REPLICAS
from vmagent_operator.model.decode import Fault
from vmagent_operator.model.walk import find, walk
from vmagent_operator.scrape.checks.validate import relabeling
from vmagent_operator.scrape.errors import SHOWN
from vmagent_operator.scrape.owner import Environment
from vmagent_operator.settings import Settings

_MAX_LABEL = 63
"""Characters of a label's value, and of the name of a Service: the API server refuses more."""
_MAX_NAME = 253
"""Characters of the name of an object."""
_MAX_CONDITION_TYPE = 316
"""Characters of the type of a condition, by which scrape objects name their owner; their schema says so."""

Faults = Iterator[Fault]
O = TypeVar("O", bound=Any)  # noqa: E741
Rule = Callable[[O, Settings], Faults]


@frozen
class Verdict:
    """What is wrong with an owner, in the order of the rules."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def reason(self) -> str:
        """The faults on one line, the first five of them."""
        return "; ".join(map(str, self.faults[:SHOWN]))


@frozen(kw_only=True)
class Rules(Generic[O]):
    """The rules for owners of one kind, who are decoded.

    fatal: what the API server would refuse or what could not run. formal: what stops an owner as well, unless an annotation
    of the user's leaves it out. doubtful: what is only reported, unless that annotation leaves it out.
    """

    fatal: tuple[Rule[O], ...]
    formal: tuple[Rule[O], ...] = ()
    doubtful: tuple[Rule[O], ...] = ()

    def verdict(self, owner: O, settings: Settings) -> Verdict:
        """The faults and doubts of an owner."""
        skip = owner.metadata.annotations.get(SKIP_VALIDATION) == "true"
        stopping = self.fatal if skip else (*self.fatal, *self.formal)
        return Verdict(
            tuple(chain.from_iterable(rule(owner, settings) for rule in stopping)),
            () if skip else tuple(chain.from_iterable(rule(owner, settings) for rule in self.doubtful)),
        )


def named(component: Component, service: AdditionalServiceSpec | None, whose: str) -> Faults:
    """Names that do not fit; `whose` is what messages call the owner."""
    owner, extra = component.owner, additional_name(component, service)
    limits = (
        (owner.name, _MAX_LABEL, "metadata.name", "the label of an instance"),
        (component.name, _MAX_LABEL, "metadata.name", "a service"),
        (extra or "", _MAX_LABEL, "spec.serviceSpec.metadata.name", "a service"),
        (names.rbac(component), _MAX_NAME, "metadata.name", "a role"),
        (
            f"{owner.name}.{owner.namespace}.{owner.kind.singular}{CONDITION_SUFFIX}",
            _MAX_CONDITION_TYPE,
            "metadata.name",
            "a condition",
        ),
    )
    for name, limit, path, of in limits:
        if len(name) > limit:
            yield Fault(path, f"{name} is {len(name)} characters long, the name of {of} ends at {limit}")
    if "." in owner.name:
        yield Fault("metadata.name", "a service cannot have a dot in its name")
    if extra == component.name:
        yield Fault("spec.serviceSpec.metadata.name", f"{extra} is the name of the {whose}'s own service")


def replicas(params: AppParams) -> Faults:
    """More pods than anybody means."""
    if (params.replica_count or 0) > REPLICAS:
        yield Fault("spec.replicaCount", REPLICAS.exceeded)


def autoscaled(vpa: object, settings: Settings) -> Faults:
    """A vertical autoscaler where there may be none."""
    if vpa is not None and not settings.vpa_api_enabled:
        yield Fault("spec.vpa", "the operator runs without VM_VPA_API_ENABLED=true")


def ports(given: Mapping[str, str]) -> Faults:
    """Texts at these paths that are no port numbers; an empty one is none at all."""
    for path, port in given.items():
        number = listener.number_or_name(port) if port else 1
        if not (isinstance(number, int) and 0 < number < 65536):
            yield Fault(path, "is no port number")


def opened(params: AppParams, insert: InsertPorts | None) -> dict[str, str]:
    """The ports that the user names, by their paths."""
    found = {"spec.port": params.port}
    return found | {f"spec.insertPorts.{key}": getattr(insert, attribute, "") for attribute, key, _, _ in INSERT_PORTS}


def grace(params: AppParams) -> Faults:
    """A sleep that would outlast the pod."""
    sleep, end = params.pre_stop_sleep_seconds, params.termination_grace_period_seconds
    if sleep is not None and end is not None and sleep >= end:
        yield Fault("spec.preStopSleepSeconds", "is not shorter than terminationGracePeriodSeconds")


def scrape_classes(classes: tuple[ScrapeClass, ...]) -> Faults:
    """Classes that cannot be told apart."""
    seen: set[str] = set()
    for index, scrape_class in enumerate(classes):
        if scrape_class.name in seen:
            yield Fault(f"spec.scrapeClasses[{index}].name", f"{scrape_class.name} is there already")
        seen.add(scrape_class.name)
    if sum(bool(scrape_class.default) for scrape_class in classes) > 1:
        yield Fault("spec.scrapeClasses", "more than one is the default")


def credentials(scraping: ScrapingParams, further: Mapping[str, object]) -> Faults:
    """Credentials that contradict themselves, of scraping and in `further` blocks by their paths."""
    blocks = {"spec.apiServerConfig": scraping.api_server_config, **further}
    blocks |= {f"spec.scrapeClasses[{index}]": of for index, of in enumerate(scraping.scrape_classes)}
    for path, block in blocks.items():
        for kind, message in _CREDENTIALS:
            values: tuple[Any, ...] = find(block, kind)
            yield from (Fault(path, text) for value in values if (text := message(value)))


def relabelings(scraping: ScrapingParams, environment: Environment) -> Faults:
    """Rules of templates and classes: the objects that get them are left out. Other rules stop the owner."""
    for path, rule in walk(scraping, "spec", frozenset((RelabelConfig,))):
        for fault in relabeling(rule, environment.literal):
            field, _, message = fault.partition(": ")
            yield Fault(f"{path}.{field}", message)


def licensed(license: License | None) -> Faults:
    """A license from two places."""
    if license is not None and license.key and license.key_ref:
        yield Fault("spec.license", "both key and keyRef are set")


def _tls(tls: TLSConfig) -> str:
    both = [key for key in ("ca", "cert", "key") if getattr(tls, f"{key}_file") and _tls_reference(tls, key)]
    return f"tlsConfig has both file and reference for {', '.join(both)}" if both else ""


def _tls_reference(tls: TLSConfig, key: str) -> object:
    return tls.key_secret if key == "key" else getattr(tls, key)


def _source(source: SecretOrConfigMap) -> str:
    return "" if (source.secret is None) != (source.config_map is None) else "expected a secret or a configMap"


def _oauth2(oauth2: OAuth2) -> str:
    return "oauth2 has both client_secret and client_secret_file" if _is_double_oauth2(oauth2) else ""


def _is_double_oauth2(oauth2: OAuth2) -> bool:
    return oauth2.client_secret is not None and bool(oauth2.client_secret_file)


def _authorization(block: Authorization) -> str:
    if block.type.strip().lower() == "basic":
        return "authorization of type basic; use basicAuth"
    return "" if block.credentials or block.credentials_file else "authorization has no credentials"


def _basic_auth(block: BasicAuth) -> str:
    return "basicAuth has both password and password_file" if block.password and block.password_file else ""


_CREDENTIALS: tuple[tuple[type, Callable[..., str]], ...] = (
    (TLSConfig, _tls),
    (SecretOrConfigMap, _source),
    (OAuth2, _oauth2),
    (Authorization, _authorization),
    (BasicAuth, _basic_auth),
)
