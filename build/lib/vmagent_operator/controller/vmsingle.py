"""VMSingle as the engine sees it: its row."""

from vmagent_operator.api import kinds
from vmagent_operator.controller.engine.kind import ConfigTarget, OwnerKind
from vmagent_operator.desired.vmsingle import desired, features
from vmagent_operator.desired.vmsingle.features import VMSINGLE as APP
from vmagent_operator.desired.vmsingle.features import VMSingle, spec
from vmagent_operator.kube.resource import Manifest
from vmagent_operator.settings import Settings


def _config(single: VMSingle) -> ConfigTarget | None:
    """Its Secret, if it scrapes."""
    if not features.scrapes(single):
        return None
    return ConfigTarget(name=features.prefixed(single), key=APP.config_key, is_unmanaged=features.is_unmanaged(single))


def _self_scrapes(single: VMSingle, settings: Settings) -> tuple[Manifest, ...]:
    return tuple(filter(None, [desired.self_scrape(single, settings)]))


def _claims(single: VMSingle) -> tuple[str, ...]:
    """The claim with its data, by the one name or the other: that may have been changed since."""
    return f"{APP.prefix}{single.name}", single.name


def _keeps_claims(single: VMSingle) -> bool:
    return single.spec is None or not single.spec.remove_pvc_after_delete


VMSINGLE = OwnerKind(
    kind=kinds.VMSINGLE,
    apps=(APP,),
    desired=desired.desired,
    scale=lambda single: {},
    self_scrapes=_self_scrapes,
    scrape_owner=features.scrape_owner,
    config=_config,
    service_account=lambda single: spec(single).service_account_name,
    claims=_claims,
    keeps_claims=_keeps_claims,
)
