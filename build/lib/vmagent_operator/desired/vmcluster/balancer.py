"""The balancer: vmauth before vmselect and vminsert, which have their usual Services point at it.

Source: https://docs.victoriametrics.com/victoriametrics/vmauth/
"""

import base64

from vmagent_operator.api.apps import AdditionalServiceSpec
from vmagent_operator.api.vmcluster import VMAuth
from vmagent_operator.desired import labels, listener
from vmagent_operator.desired.component import Application
from vmagent_operator.desired.defaults import canonical_list
from vmagent_operator.desired.vmcluster.addresses import service_host
from vmagent_operator.desired.vmcluster.features import INSERT, SELECT, Cluster, Part, name
from vmagent_operator.desired.vmcluster.workloads import mounts
from vmagent_operator.desired.workload import pod, volumes, workload
from vmagent_operator.desired.workload.volumes import Volume
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.text.emit import dump

CONFIG_KEY = "config.yaml"
DIRECTORY = "/opt/vmauth-config/"


def service_spec(given: AdditionalServiceSpec | None) -> AdditionalServiceSpec | None:
    """What the user says about the balancer's Service: always a change to it, never a further one."""
    return AdditionalServiceSpec(use_as_default=True, metadata=given.metadata, spec=given.spec) if given else None


def config(cluster: Cluster, part: Part) -> Manifest:
    """The Secret with the routes."""
    given = cluster.spec.requests_load_balancer
    rules = [
        _route(cluster, INSERT, cluster.insert, "/insert/.*", is_behind=not given.disable_insert_balancing),
        _route(cluster, SELECT, cluster.select, "/.*", is_behind=not given.disable_select_balancing),
    ]
    text = dump({"unauthorized_user": {"url_map": rules}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": labels.meta(part.component, part.component.name),
        "data": {CONFIG_KEY: base64.b64encode(text.encode()).decode()},
    }


def deployment(part: Part, given: VMAuth) -> Manifest:
    """The Deployment of vmauth."""
    kept = Volume(
        name="vmauth-lb-config", source=volumes.secret(part.component.name), path=DIRECTORY, is_read_only=False
    )
    generated = [
        *pod.arguments(part.component),
        f"-auth.config={DIRECTORY}{CONFIG_KEY}",
        "-configCheckInterval=30s",
    ]
    main = pod.main(part.component, pod.overridden(part.component, generated), mounts(part, [kept.mount]))
    main.pop("terminationMessagePolicy")
    own = [kept.manifest, *canonical_list(part.params.volumes)]
    parts = pod.Parts(containers=[main], volumes=[*own, *(each.manifest for each in volumes.given(part.component))])
    pace = given.stateless
    return workload.deployment(
        part.component, pod.spec(part.component, parts), pace.update_strategy, pace.rolling_update
    )


def _route(cluster: Cluster, app: Application, part: Part | None, paths: str, *, is_behind: bool) -> Manifest:
    """Where requests for some paths go: to the pods of a component, or to where they would be."""
    scheme = listener.scheme(part.component) if part else "http"
    port = listener.port(part.component) if part else cluster.settings.apps[app.name].port
    host = service_host(cluster, name(cluster.owner, app, is_internal=is_behind))
    return {"src_paths": [paths], "url_prefix": f"{scheme}://srv+{host}:{port}", "discover_backend_ips": True}
