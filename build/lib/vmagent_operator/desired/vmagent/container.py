"""vmagent's container and its arguments."""

from collections.abc import Iterator

from vmagent_operator.desired.around import service
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.vmagent import remotewrite, volumes
from vmagent_operator.desired.vmagent.features import VMAgent, has_reloader, has_secrets, is_daemon_set, spec
from vmagent_operator.desired.vmagent.queue import templates
from vmagent_operator.desired.workload import pod, reloader
from vmagent_operator.desired.workload.reloader import Reloader
from vmagent_operator.scrape.references import SecretSnapshot

_NODE_NAME = {"name": "KUBE_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


def parts(agent: VMAgent, component: Component, snapshot: SecretSnapshot, overflow_count: int) -> pod.Parts:
    """What the agent brings into its pod. Raises OwnerError for a reference of remote write into nowhere."""
    reloaded = Reloader(
        component=component,
        params=spec(agent).reloader,
        has_secret=has_secrets(agent),
        rules=volumes.rules(agent, component),
        overflow_count=overflow_count,
    )
    own = pod.main(
        component,
        arguments(agent, component, snapshot),
        volumes.mounts(agent, component, overflow_count),
        env=[_NODE_NAME] if is_daemon_set(agent) else (),
        ports=service.insert_ports(spec(agent).insert_ports),
    )
    return pod.Parts(
        containers=[own, *([reloader.sidecar(reloaded)] if has_reloader(agent) else ())],
        init_containers=reloader.init(reloaded),
        volumes=volumes.pod(agent, component, overflow_count),
        claims=templates(agent),
    )


def arguments(agent: VMAgent, component: Component, snapshot: SecretSnapshot) -> list[str]:
    """vmagent's arguments, sorted; only that of the reload key, which the user cannot replace, comes last."""
    return pod.overridden(component, [*_generated(agent, component, snapshot)]) + reloader.key_argument(
        spec(agent).reloader
    )


def _generated(agent: VMAgent, component: Component, snapshot: SecretSnapshot) -> Iterator[str]:
    yield from remotewrite.arguments(agent, snapshot)
    yield from pod.arguments(component)
    yield from service.insert_flags(spec(agent).insert_ports)
    if not spec(agent).scraping.ingest_only_mode:
        yield f"-promscrape.config={component.app.config_path}"
