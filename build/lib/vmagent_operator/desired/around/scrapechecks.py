"""What is wrong with what an owner says about scraping, beyond its shape; jobs themselves are checked in `scrape`."""

from collections.abc import Callable, Mapping
from typing import Any

from vmagent_operator.api.auth import Authorization, BasicAuth, OAuth2, SecretOrConfigMap, TLSConfig, named
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import ScrapeClass, ScrapingParams
from vmagent_operator.desired.workload.checks import Faults
from vmagent_operator.model.decode import Fault
from vmagent_operator.model.walk import walk
from vmagent_operator.scrape.checks.validate import relabeling
from vmagent_operator.scrape.owner import Environment


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
        for at, value in walk(block, path, frozenset(_CREDENTIALS)):
            if text := _CREDENTIALS[type(value)](value):
                yield Fault(at, text)


def relabelings(scraping: ScrapingParams, environment: Environment) -> Faults:
    """Rules of templates and classes: the objects that get them are left out. Other rules stop the owner."""
    for path, rule in walk(scraping, "spec", frozenset((RelabelConfig,))):
        for fault in relabeling(rule, environment.literal):
            field, _, message = fault.partition(": ")
            yield Fault(f"{path}.{field}", message)


def _tls(tls: TLSConfig) -> str:
    both = [key for key in ("ca", "cert", "key") if getattr(tls, f"{key}_file") and _tls_reference(tls, key)]
    return f"has both file and reference for {', '.join(both)}" if both else ""


def _tls_reference(tls: TLSConfig, key: str) -> object:
    """What the key is read from; an empty reference is what converters write for none."""
    if key == "key":
        return named(tls.key_secret)
    source: SecretOrConfigMap | None = getattr(tls, key)
    return source and source.reference and source.reference.name


def _source(source: SecretOrConfigMap) -> str:
    has_both = named(source.secret) is not None and source.config_map is not None and source.config_map.name
    return "has both secret and configMap" if has_both else ""


def _oauth2(oauth2: OAuth2) -> str:
    if oauth2.client_id.reference is None:
        return "client_id names neither a secret nor a configMap"
    return "has both client_secret and client_secret_file" if _is_double_oauth2(oauth2) else ""


def _is_double_oauth2(oauth2: OAuth2) -> bool:
    return oauth2.client_secret is not None and bool(oauth2.client_secret_file)


def _authorization(block: Authorization) -> str:
    if block.type.strip().lower() == "basic":
        return "is of type basic; use basicAuth"
    return "" if block.credentials or block.credentials_file or not block.type else "has no credentials"


def _basic_auth(block: BasicAuth) -> str:
    return "has both password and password_file" if named(block.password) and block.password_file else ""


_CREDENTIALS: Mapping[type, Callable[[Any], str]] = {
    TLSConfig: _tls,
    SecretOrConfigMap: _source,
    OAuth2: _oauth2,
    Authorization: _authorization,
    BasicAuth: _basic_auth,
}
"""What is doubtful about such a block, wherever it stands."""
