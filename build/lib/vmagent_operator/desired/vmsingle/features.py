"""What a VMSingle's spec asks for: the predicates that several builders must answer alike."""

from vmagent_operator.api.apps import ManagedMetadata
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.vmsingle import VMSingleSpec
from vmagent_operator.desired.around.rules import has_rule
from vmagent_operator.desired.component import Application, Component
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.owner import Environment, ScrapeOwner, asks_for_nothing
from vmagent_operator.scrape.owner import environment as _environment
from vmagent_operator.settings import Server, Settings

VMSingle = CustomObject[VMSingleSpec]

VMSINGLE = Application(
    name="vmsingle",
    prefix="vmsingle-",
    probes=("readinessProbe",),
    joins_spread=False,
    config_file="scrape.yaml",
    config_directory="/etc/vm/config",
    config_out_directory="/etc/vm/config_out",
    assets_directory="/etc/vm-tls/certs",
)


def spec(single: VMSingle) -> VMSingleSpec:
    """The decoded spec; OwnerError, with every fault, if it could not be decoded."""
    if single.spec is None:
        raise OwnerError(str(single.error))
    return single.spec


def environment(single: VMSingle) -> Environment:
    """What the database finds in its environment."""
    return _environment(spec(single).apps, VMSINGLE.container)


def scrapes(single: VMSingle) -> bool:
    """Whether it scrapes, and so has a configuration, what that refers to, and rights."""
    return not spec(single).scraping.ingest_only_mode


def is_unmanaged(single: VMSingle) -> bool:
    """Whether the scrape configuration is the user's own: it scrapes, but nothing says what."""
    return scrapes(single) and asks_for_nothing(spec(single).scraping)


def has_relabeling(single: VMSingle) -> bool:
    """Whether the relabeling ConfigMap has anything to hold."""
    return bool(spec(single).inline_relabel_config or spec(single).relabel_config)


def has_aggregation(single: VMSingle) -> bool:
    """Whether the stream aggregation ConfigMap has anything to hold."""
    return has_rule(spec(single).stream_aggr_config)


def has_reloader(single: VMSingle) -> bool:
    """Whether the pod has a config-reloader."""
    return scrapes(single) or has_relabeling(single) or has_aggregation(single)


def prefixed(single: VMSingle) -> str:
    """The name that most children have: `vmsingle-<name>`, or the VMSingle's own with legacy naming."""
    return single.name if spec(single).use_legacy_naming else f"{VMSINGLE.prefix}{single.name}"


def component(single: VMSingle, settings: Settings, server: Server = Server()) -> Component:  # noqa: B008
    """The database as generic builders see it. Raises OwnerError."""
    given = spec(single)
    return Component(
        owner=single,
        app=VMSINGLE,
        name=prefixed(single),
        params=given.apps,
        settings=settings,
        server=server,
        managed=given.managed_metadata or ManagedMetadata(),
        license=given.license,
        account=given.service_account_name,
    )


def scrape_owner(single: VMSingle, settings: Settings) -> ScrapeOwner | None:
    """It as whoever selects scrape objects, None if it scrapes nothing. Raises OwnerError."""
    if not scrapes(single):
        return None
    return ScrapeOwner(
        object=single,
        scraping=spec(single).scraping,
        params=spec(single).apps,
        settings=settings,
        account=spec(single).service_account_name,
        container=VMSINGLE.container,
        assets_directory=VMSINGLE.assets_directory,
    )
