"""Another application is data: a kind that the builders have never heard of, in a page, without touching them."""

from collections.abc import Iterator
from typing import Annotated

from attrs import evolve, frozen

from vmagent_operator.api.apps import AdditionalServiceSpec, AppParams, EmbeddedPDB, EmbeddedPersistentVolumeClaim
from vmagent_operator.api.kinds import Kind
from vmagent_operator.api.objects import CustomObject, Metadata
from vmagent_operator.api.vmagent import VMAgentStatus
from vmagent_operator.desired.around import policies, rbac, selfscrape, service
from vmagent_operator.desired.component import Application, Component
from vmagent_operator.desired.workload import claims, pod, workload
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.fields import Field
from vmagent_operator.settings import AppDefaults, load

TOY = Application(name="toy", prefix="toy-", probes=("readinessProbe",), sleeps=False)
DEFAULTS = AppDefaults(
    image="example/toy", version="v1.2.3", port="7000", use_default_resources=False, termination_grace_period_seconds=5
)


@frozen(kw_only=True)
class ToySpec:
    """What a Toy asks for."""

    paused: Annotated[bool, Field("Leave everything as it is.")] = False
    apps: Annotated[AppParams, Field("", inline=True)] = AppParams()
    budget: Annotated[EmbeddedPDB | None, Field("Its disruption budget.")] = None
    claim: Annotated[EmbeddedPersistentVolumeClaim, Field("Its volume.")]
    service_spec: Annotated[AdditionalServiceSpec | None, Field("A further Service.")] = None


TOYS = Kind(name="Toy", spec_class=ToySpec, status_class=VMAgentStatus)


def desired(toy: CustomObject[ToySpec]) -> Iterator[Manifest]:
    """Everything that a Toy asks for."""
    assert toy.spec is not None
    settings = load({})
    component = Component(
        owner=toy,
        app=TOY,
        name=f"{TOY.prefix}{toy.name}",
        params=toy.spec.apps,
        settings=evolve(settings, apps={**settings.apps, TOY.name: DEFAULTS}),
        kind="StatefulSet",
    )
    main = service.main(component, toy.spec.service_spec, is_headless=True)
    wish = selfscrape.Wish(given=None, is_disabled=None, has_reloader=False, service=main, service_spec=None)
    mounts = [{"name": "toys", "mountPath": "/toys"}]
    own = pod.main(component, pod.overridden(component, [*pod.arguments(component), "-dir=/toys"]), mounts)
    parts = pod.Parts(containers=[own], claims=[claims.template("toys", toy.spec.claim)])
    yield from rbac.account(component)
    yield main
    yield from filter(None, [selfscrape.self_scrape(component, wish)])
    yield from filter(None, [policies.disruption_budget(component, toy.spec.budget)])
    yield workload.stateful_set(component, pod.spec(component, parts), service=component.name, claims=parts.claims)


def test_a_kind_that_the_builders_have_never_heard_of() -> None:
    spec = ToySpec(
        apps=AppParams(extra_args={"dir": "/elsewhere"}, replica_count=3),
        budget=EmbeddedPDB(max_unavailable=1),
        claim=EmbeddedPersistentVolumeClaim(spec={"resources": {"requests": {"storage": "2048Mi"}}}),
    )
    metadata = Metadata(namespace="ns", name="bear", uid="u")
    found = {manifest["kind"]: manifest for manifest in desired(CustomObject(kind=TOYS, metadata=metadata, spec=spec))}
    assert list(found) == ["ServiceAccount", "Service", "VMServiceScrape", "PodDisruptionBudget", "StatefulSet"]
    assert {manifest["metadata"]["name"] for manifest in found.values()} == {"toy-bear"}
    owners = {str(manifest["metadata"]["ownerReferences"][0]["kind"]) for manifest in found.values()}
    assert owners == {"Toy"}
    running = found["StatefulSet"]["spec"]
    (container,) = running["template"]["spec"]["containers"]
    assert container["image"] == "example/toy:v1.2.3"
    assert container["args"] == ["-dir=/elsewhere", "-httpListenAddr=:7000"]
    assert "livenessProbe" not in container
    assert "lifecycle" not in container
    assert running["volumeClaimTemplates"][0]["spec"]["resources"]["requests"] == {"storage": "2Gi"}
    assert running["selector"] == {"matchLabels": found["Service"]["spec"]["selector"]}
    assert running["selector"]["matchLabels"]["app.kubernetes.io/name"] == "toy"
    assert running["replicas"] == 3
    assert found["VMServiceScrape"]["spec"]["endpoints"][0]["path"] == "/metrics"
