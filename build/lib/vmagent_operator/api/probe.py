"""VMProbe: targets probed through a prober such as blackbox_exporter."""

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.core import LabelSelector, NamespaceSelector
from vmagent_operator.api.endpoint import ScrapeParams
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.limits import OBJECT_JOBS
from vmagent_operator.model.fields import Field


@frozen(kw_only=True)
class ProberSpec:
    """Where the prober is."""

    url: Annotated[str, Field("Address of the prober, host:port.")]
    scheme: Annotated[Literal["http", "https"] | None, Field("URL scheme of the prober; http if absent.")] = None
    path: Annotated[str, Field("Path of the prober; /probe if empty.")] = ""


@frozen(kw_only=True)
class StaticTargets:
    """Targets listed by address."""

    targets: Annotated[tuple[str, ...], Field("Addresses to probe.")]
    labels: Annotated[Mapping[str, str] | None, Field("Labels for these targets.")] = None
    relabeling_configs: Annotated[tuple[RelabelConfig, ...], Field("Relabeling of these targets.")] = ()


@frozen(kw_only=True)
class KubernetesTargets:
    """Targets discovered in the cluster."""

    role: Annotated[Literal["service", "ingress", "pod", "node"] | None, Field("What to discover.")] = None
    selector: Annotated[LabelSelector, Field("Labels of what is discovered.")] = LabelSelector()
    namespace_selector: Annotated[NamespaceSelector, Field("Namespaces to look into.")] = NamespaceSelector()
    relabeling_configs: Annotated[tuple[RelabelConfig, ...], Field("Relabeling of these targets.")] = ()


@frozen(kw_only=True)
class ProbeTargets:
    """What to probe."""

    static: Annotated[StaticTargets | None, Field("Listed targets.")] = None
    static_config: Annotated[StaticTargets | None, Field("Older spelling of static.")] = None
    kubernetes: Annotated[tuple[KubernetesTargets, ...], Field("Discovered targets.", most=OBJECT_JOBS)] = ()
    ingress: Annotated[KubernetesTargets | None, Field("Older spelling of kubernetes with role ingress.")] = None


@frozen(kw_only=True)
class VMProbeSpec:
    """What to probe, and through what."""

    job_name: Annotated[str, Field("Job label of the targets.")] = ""
    vm_prober_spec: Annotated[ProberSpec, Field("Prober to use.")]
    module: Annotated[str, Field("Module of the prober.")] = ""
    targets: Annotated[ProbeTargets, Field("What to probe.")] = ProbeTargets()
    metric_relabel_configs: Annotated[tuple[RelabelConfig, ...], Field("Rules for samples, after the probe.")] = ()
    scrape_class: Annotated[str | None, Field("Scrape class of the agent to use.")] = None
    params: Annotated[ScrapeParams, Field("", inline=True)] = ScrapeParams()
    auth: Annotated[EndpointAuth, Field("", inline=True)] = EndpointAuth()
