"""All that a component gets for its scrape configuration, and the order in which it gets everything."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from attrs import field, frozen

from vmagent_operator.desired import names
from vmagent_operator.desired.around import configsecret, rbac
from vmagent_operator.desired.component import Component
from vmagent_operator.desired.stages import ConfigSecret, Gate, Stage
from vmagent_operator.desired.workload.workload import WORKLOADS
from vmagent_operator.model.decode import Manifest
from vmagent_operator.scrape.config import Configuration
from vmagent_operator.scrape.text.gzip import compressed


@frozen(kw_only=True, slots=False)
class Scraping:
    """What a component scrapes, and what is copied for it.

    config: its scrape configuration; None for one that scrapes nothing. is_unmanaged: whether that is its user's. credentials,
    tls: what is copied besides, by key, into the configuration Secret and into that with TLS content. known: what the
    configuration Secret is to the owner. has_secrets: whether there are such Secrets.
    """

    component: Component
    has_secrets: bool
    known: ConfigSecret
    is_unmanaged: bool
    config: Configuration | None = None
    credentials: Mapping[str, str] = field(factory=dict)
    tls: Mapping[str, str] = field(factory=dict)

    @cached_property
    def overflow(self) -> tuple[Manifest, ...]:
        """The Secrets with the jobs that the configuration Secret has no room for."""
        buckets = self.config.overflow if self.config else ()
        return tuple(configsecret.overflow(self.component, number, jobs) for number, jobs in enumerate(buckets, 1))

    def stages(
        self, around: Iterable[Manifest], rules: Iterable[Manifest | None], running: Iterable[Manifest]
    ) -> tuple[Stage, ...]:
        """Objects so ordered that whatever one refers to has been written before.

        With overflow Secrets the configuration waits for the workloads: jobs that move to a Secret which running pods do not
        mount yet would be lost until they do.
        """
        before, workloads = (*self._before(around), *filter(None, rules)), tuple(running)
        if not self.has_secrets:
            return (Stage(objects=(*before, *workloads)),)
        if not self.overflow:
            return (Stage(objects=(*before, self._configuration(), *workloads)),)
        until = tuple(manifest for manifest in workloads if manifest["kind"] in WORKLOADS)
        gate = Gate(until=until, since=self.overflow[-1])
        return Stage(objects=before), Stage(objects=(self._configuration(),), gate=gate), Stage(objects=workloads)

    def _before(self, around: Iterable[Manifest]) -> Iterator[Manifest]:
        """What stands before rules and configuration: account and rights, what is around the pods, what the pods mount."""
        yield from rbac.account(self.component)
        if self.has_secrets:
            yield from rbac.scraping(self.component, discovers=self.config is not None)
        yield from around
        yield from self.overflow
        if self.has_secrets:
            tls = configsecret.texts({**self.tls, **(self.config.assets if self.config else {})})
            yield configsecret.secret(self.component, names.tls_assets(self.component), tls)

    def _configuration(self) -> Manifest:
        """The configuration Secret.

        An owner that selects nothing leaves the configuration to its user: it gets a first one, never another. To a Secret
        that was there before the owner only keys are added, so that it stays when the owner goes.
        """
        data = configsecret.texts(self.credentials)
        if not (self.is_unmanaged and self.known.exists):
            data[self.component.app.config_key] = self.config.main.packed if self.config else compressed(b"")
        manifest = configsecret.secret(self.component, names.config(self.component), data)
        if self.known.is_foreign and (self.is_unmanaged or self.known.is_shared):
            manifest["metadata"] = {key: manifest["metadata"][key] for key in ("name", "namespace")}
        return manifest
