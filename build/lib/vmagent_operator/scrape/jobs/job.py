"""What all jobs have in common, whatever their targets: scrape class, limits, overrides and the order of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import field, frozen

from vmagent_operator.api.auth import EndpointAuth
from vmagent_operator.api.core import LabelSelector, NamespaceSelector
from vmagent_operator.api.endpoint import AttachMetadata, Relabelings, ScrapeParams
from vmagent_operator.api.kinds import ScrapeObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.scraping import ScrapeClass
from vmagent_operator.model.encode import Config, to_config
from vmagent_operator.scrape import labelselector
from vmagent_operator.scrape.checks import special, validate
from vmagent_operator.scrape.checks.budget import Budget
from vmagent_operator.scrape.context import Context
from vmagent_operator.scrape.errors import ObjectError
from vmagent_operator.scrape.jobs import classes
from vmagent_operator.scrape.jobs.relabel import Rule, assign
from vmagent_operator.scrape.references import SecretResolver

NO_ATTACHMENTS = AttachMetadata()


@frozen(eq=False)
class JobBuilder:
    """One scrape object on its way into jobs. `prefix` starts their names; `budget` is what they may still take."""

    object: ScrapeObject
    prefix: str
    context: Context
    resolver: SecretResolver
    scrape_class: ScrapeClass | None
    budget: Budget = field(factory=Budget)

    def name(self, suffix: str | int | None = None) -> str:
        """The name of a job of this object."""
        name = f"{self.prefix}/{self.object.key}"
        return name if suffix is None else f"{name}/{suffix}"

    def job(
        self,
        name: str,
        params: ScrapeParams,
        auth: EndpointAuth,
        rules: Iterable[Rule],
        *,
        relabelings: Relabelings,
        discovery: Config | None = None,
        late_discovery: Config | None = None,
        default_timeout: str = "",
        limits: tuple[int, int] = (0, 0),
    ) -> Config:
        """A job in the order of the file.

        discovery stands before the scrape parameters, late_discovery after them; limits are those of samples and series
        for endpoints without their own. Raises Missing and ObjectError.
        """
        job = {
            "job_name": name,
            **(discovery or {}),
            **self._parameters(params, default_timeout, limits),
            **(late_discovery or {}),
            "relabel_configs": [*self.budget.counted(rules), *self._target_rules(relabelings.relabel_configs)],
            **self._metric_rules(relabelings.metric_relabel_configs),
            **(to_config(params.vm_scrape_params, self.resolver) if params.vm_scrape_params else {}),
            **(self._merged(auth).to_config(self.resolver) or {}),
        }
        for fault in validate.auth_faults(job):
            raise ObjectError(f"job {name}: {fault}")
        return job

    def kubernetes(
        self,
        role: str,
        matching: LabelSelector,
        namespaces: NamespaceSelector | None,
        attached: AttachMetadata = NO_ATTACHMENTS,
    ) -> Config:
        """An entry of `kubernetes_sd_configs`; without `namespaces`, for objects that are in none."""
        attach = attached.for_role(role)
        names = [] if namespaces is None else self._namespaces(namespaces)
        selectors = self._selectors(role, matching)
        return {
            "role": role,
            **({"attach_metadata": attach} if attach else {}),
            **({"namespaces": {"names": names}} if names else {}),
            **(self.context.api_server.to_config(self.resolver) if self.context.api_server else {}),
            **({"selectors": selectors} if selectors else {}),
        }

    def attachments(self, endpoint: AttachMetadata, default: AttachMetadata) -> AttachMetadata:
        """Metadata to attach: an endpoint's word goes before that of the class, and that before the object's."""
        middle = self.scrape_class.attach_metadata if self.scrape_class else None
        return classes.attach_metadata(endpoint, middle, default)

    def relabelings(self, own: Relabelings) -> Relabelings:
        """The rules of the scrape class before those of an endpoint."""
        if self.scrape_class is None:
            return own
        default = self.scrape_class.relabelings
        return Relabelings(
            relabel_configs=default.relabel_configs + own.relabel_configs,
            metric_relabel_configs=default.metric_relabel_configs + own.metric_relabel_configs,
        )

    def guarded(self, job: Config) -> Config:
        """A complete job, with rules at the end that keep vmagent alive where what is discovered could stop it."""
        kept = set(special.HARMLESS)
        if self.context.enforced.is_any:
            kept &= special.named(self.context.templates[self.object.kind.name])
        job["relabel_configs"] += special.guards(job, self.context.global_rules, kept)
        return job

    def rendered(self, rules: Iterable[RelabelConfig]) -> Iterator[Rule]:
        """Rules as vmagent reads them; one that says nothing would make it skip the job."""
        return self.budget.counted(filter(None, (to_config(rule, self.resolver) for rule in rules)))

    def _parameters(self, params: ScrapeParams, default_timeout: str, limits: tuple[int, int]) -> Config:
        given = to_config(params, self.resolver)
        given.pop("scrape_interval", None)
        interval = self.context.interval(params.scrape_interval or params.interval)
        timeout = given.pop("scrape_timeout", "") or default_timeout
        honors_timestamps = params.honor_timestamps
        if self.context.enforced.honor_timestamps:
            honors_timestamps = False
        forced = self.context.enforced.honor_labels or bool(self.context.enforced.label)
        out = {
            "honor_labels": params.honor_labels and not forced,
            **({} if honors_timestamps is None else {"honor_timestamps": honors_timestamps}),
            **({"scrape_interval": interval} if interval else {}),
            **({"scrape_timeout": timeout} if timeout else {}),
            **given,
        }
        for key, limit in zip(("sample_limit", "series_limit"), limits, strict=True):
            found = out.pop(key, 0) or limit
            if found > 0:
                out[key] = found
        return out

    def _target_rules(self, own: tuple[RelabelConfig, ...]) -> Iterator[Rule]:
        """The rules of class and endpoint, those of the owner, and what holds all of them within the owner's bounds.

        Labels that the owner's own rules mean to write are taken away from all others only.
        """
        templates = self.context.templates[self.object.kind.name]
        named = special.named(templates) if self.context.enforced.is_any else frozenset()
        yield from self.rendered(own)
        if named:
            yield special.dropped()
        yield from self.rendered(templates)
        yield from self._enforcement()
        kept = named | {self.context.enforced.label}
        if self.context.enforced.is_any and (rest := [label for label in special.LABELS if label not in kept]):
            yield special.dropped(rest)

    def _metric_rules(self, own: tuple[RelabelConfig, ...]) -> dict[str, list[Rule]]:
        """`metric_relabel_configs`; what enforces the label comes last, so that no other rule can undo it."""
        enforced = self.context.enforced.label
        rules = (rule for rule in own if not enforced or rule.target_label != enforced)
        found = [*self.rendered(rules), *self._enforcement()]
        return {"metric_relabel_configs": found} if found else {}

    def _enforcement(self) -> tuple[Rule, ...]:
        label = self.context.enforced.label
        return (assign(label, self.object.namespace),) if label else ()

    def _merged(self, own: EndpointAuth) -> EndpointAuth:
        return classes.auth(own, self.scrape_class.auth) if self.scrape_class else own

    def _namespaces(self, wanted: NamespaceSelector) -> list[str]:
        """Names of the namespaces to look into; none of them for all."""
        if self.context.discovery.ignores_namespace_selectors:
            return [self.object.namespace]
        if wanted.any:
            return []
        return list(wanted.match_names) or [self.object.namespace]

    def _selectors(self, role: str, matching: LabelSelector) -> list[dict[str, str]]:
        if self.context.discovery.is_daemon_set:
            return [{"role": role, "field": "spec.nodeName=%{KUBE_NODE_NAME}"}]
        if not self.context.discovery.uses_api_selectors or matching.is_empty:
            return []
        # Endpoints and EndpointSlices carry the labels of their Service, pods do not.
        described = (role, "service") if role.startswith("endpoint") else (role,)
        return [{"role": each, "label": labelselector.text(matching)} for each in described]
