"""VMAgent as the engine sees it: its row."""

from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.kind import ConfigTarget, OwnerKind
from vmagent_operator.desired.vmagent import desired, features
from vmagent_operator.desired.vmagent.features import VMAGENT as APP
from vmagent_operator.desired.vmagent.features import VMAgent, spec
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.settings import Settings


def _config(agent: VMAgent) -> ConfigTarget | None:
    """Its Secret, unless there is none: an agent that only takes in, and sends on without credentials."""
    if not features.has_secrets(agent):
        return None
    return ConfigTarget(name=features.prefixed(agent), key=APP.config_key, is_unmanaged=features.is_unmanaged(agent))


def _self_scrapes(agent: VMAgent, settings: Settings) -> tuple[Manifest, ...]:
    manifest = desired.self_scrape(agent, settings)
    return (manifest,) if manifest else ()


def _max_unavailable(agent: VMAgent, workload: str) -> int | str:
    behavior = spec(agent).stateful_rolling_update_strategy_behavior
    return (behavior and behavior.max_unavailable) or 1


def _yields(agent: VMAgent, manifest: Manifest) -> frozenset[str]:
    """The number of pods, where nobody says one here: an autoscaler of the user's may."""
    has_number = spec(agent).apps.replica_count is not None
    return frozenset() if has_number or manifest["kind"] not in WORKLOADS else frozenset({"spec.replicas"})


VMAGENT = OwnerKind(
    kind=kinds.VMAGENT,
    apps=(APP,),
    desired=desired.desired,
    scale=features.scale,
    self_scrapes=_self_scrapes,
    scrape_owner=features.scrape_owner,
    config=_config,
    service_account=lambda agent: spec(agent).service_account_name,
    max_unavailable=_max_unavailable,
    yields=_yields,
)
