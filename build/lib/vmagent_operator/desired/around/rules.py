"""ConfigMaps with relabeling and stream aggregation rules, and the arguments of stream aggregation.

A value is the YAML of the inline rules, followed by the text of the user's ConfigMap. Since nothing starts with a rule that
it cannot read, the status says so before anything is written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from vmagent_operator.api.aggregation import StreamAggrConfig, StreamAggrRule
from vmagent_operator.api.core import ConfigMapKeySelector
from vmagent_operator.desired import args, labels
from vmagent_operator.desired.around import aggregation as checks
from vmagent_operator.desired.component import Component
from vmagent_operator.model.decode import Manifest
from vmagent_operator.model.encode import to_config
from vmagent_operator.scrape.checks.raw import RULE, Fill
from vmagent_operator.scrape.errors import OwnerError, refuse
from vmagent_operator.scrape.references import Missing, Reference, SecretResolver
from vmagent_operator.scrape.text import emit
from vmagent_operator.scrape.text.goyaml import InvalidYAML, load

_OPENING = "%{"  # of what is filled in when the file is read


@frozen
class Rules:
    """Where the rules of one file come from: some inline, as the file shows them, and the text of a ConfigMap.

    The paths are those of the fields, for whoever is told of a fault.
    """

    inline_path: str
    inline: Sequence[object]
    path: str
    configmap: ConfigMapKeySelector | None


def relabeling(rules: Rules, resolver: SecretResolver, filled: Fill) -> str:
    """The text of a file with relabeling rules, empty without any; OwnerError for what is missing or wrong."""
    source = _read(rules, resolver)
    refuse([fault for path, rule in source.rules() for fault in RULE(rule, path, filled)])
    return source.joined()


def aggregation(block: StreamAggrConfig | None, path: str, resolver: SecretResolver, filled: Fill) -> str:
    """The text of a file with the rules of the block at `path`, empty without any; OwnerError likewise."""
    if block is None or not has_rule(block):
        return ""
    source = _read(Rules(f"{path}.rules", _completed(block), f"{path}.configmap", block.configmap), resolver)
    refuse([fault for at, rule in source.rules() for fault in checks.faults(rule, at, block, filled)])
    return source.joined()


def config_map(component: Component, name: str, texts: Iterable[tuple[str, str]]) -> Manifest:
    """The ConfigMap with files: their names and texts, but for those without any."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": labels.meta(component, name),
        "data": {key: text for key, text in texts if text},
    }


def has_rule(block: StreamAggrConfig | None) -> bool:
    """Whether a stream aggregation block has rules, rather than deduplication alone."""
    return block is not None and bool(block.rules or block.configmap)


def boolean(value: bool) -> str:
    """A flag's value."""
    return "true" if value else "false"


def _ruled(value: Callable[[StreamAggrConfig], str]) -> Callable[[StreamAggrConfig], str]:
    """An aggregation option that has no effect without rules."""
    return lambda block: value(block) if has_rule(block) else ""


# The options of stream aggregation that read the same wherever it happens: name, value, placeholder.
OPTIONS: tuple[tuple[str, Callable[[StreamAggrConfig], str], str], ...] = (
    ("streamAggr.keepInput", _ruled(lambda block: boolean(block.keep_input)), "false"),
    ("streamAggr.dropInput", _ruled(lambda block: boolean(block.drop_input)), "false"),
    ("streamAggr.ignoreOldSamples", _ruled(lambda block: boolean(block.ignore_old_samples)), "false"),
    ("streamAggr.enableWindows", _ruled(lambda block: boolean(block.enable_windows)), "false"),
    ("streamAggr.ignoreFirstIntervals", _ruled(lambda block: str(block.ignore_first_intervals)), "0"),
    ("streamAggr.dedupInterval", lambda block: block.dedup_interval, ""),
)


def arguments(block: StreamAggrConfig | None, path: str) -> Iterator[str]:
    """The arguments of the aggregation of all samples, whose rules are in the file at `path`."""
    if block is None:
        return
    if has_rule(block):
        yield f"-streamAggr.config={path}"
    if block.drop_input_labels:
        yield f"-streamAggr.dropInputLabels={args.join(block.drop_input_labels)}"
    for name, value, empty in OPTIONS:
        if (text := value(block) or empty) != empty:
            yield f"-{name}={text}"


def _completed(block: StreamAggrConfig) -> tuple[StreamAggrRule, ...]:
    """The inline rules; there is no flag for what they have in common of `ignoreFirstSampleInterval`."""
    common = block.ignore_first_sample_interval
    return tuple(
        evolve(rule, ignore_first_sample_interval=rule.ignore_first_sample_interval or common) for rule in block.rules
    )


@frozen
class _Source:
    """The same with the rules as they stand in files, and the text that the ConfigMap holds."""

    inline_path: str
    inline: Sequence[object]
    path: str
    text: str

    def rules(self) -> list[tuple[str, Any]]:
        """Every rule with its path, but those that say nothing and are left out."""
        inline = [(f"{self.inline_path}[{index}]", rule) for index, rule in enumerate(self.inline) if rule]
        return inline + [(f"{self.path}[{index}]", rule) for index, rule in enumerate(self.listed())]

    def listed(self) -> list[Any]:
        """The rules of the text; none of one that is YAML only once it has been filled in. Raises OwnerError."""
        try:
            found = load(self.text)
        except InvalidYAML as error:
            if _OPENING in self.text:
                return []
            raise OwnerError(f"{self.path}: {error}") from None
        if found is not None and not isinstance(found, list):
            raise OwnerError(f"{self.path}: expected a list of rules")
        return found or []

    def joined(self) -> str:
        """One YAML list of them all: the two texts one after the other, if that gives it."""
        inline = [rule for rule in self.inline if rule]
        text = (emit.dump(inline) if self.inline else "") + self.text
        rules = inline + self.listed()
        if _OPENING in self.text and len(rules) == len(inline):
            return text
        return text if (_loaded(text) or []) == rules else emit.dump(rules)


def _read(rules: Rules, resolver: SecretResolver) -> _Source:
    """The rules of both origins. Raises OwnerError for what is missing or wrong."""
    inline, selector = to_config(tuple(rules.inline), resolver), rules.configmap
    if selector is None:
        return _Source(rules.inline_path, inline, rules.path, "")
    try:
        text = resolver.snapshot.text(Reference("ConfigMap", resolver.namespace, selector.name), selector.key)
    except Missing as error:
        raise OwnerError(f"{rules.path}: {error}") from error
    return _Source(rules.inline_path, inline, rules.path, text)


def _loaded(text: str) -> Any:
    try:
        return load(text)
    except InvalidYAML:
        return None
