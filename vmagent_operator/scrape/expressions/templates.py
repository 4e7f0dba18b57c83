"""WITH templates of a series selector, expanded as vmagent does it: what comes out must be a selector as well.

A template can name the one before twice, so that a short text stands for a very long one: expanding ends at a limit.

Source: https://github.com/VictoriaMetrics/metricsql/blob/v0.87.3/parser.go (expandWithExpr)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, frozen

from vmagent_operator import limits
from vmagent_operator.scrape.expressions import regex
from vmagent_operator.scrape.expressions.tokens import QUOTES, NoSelectorError, value

_NAME = "__name__"
_LEVELS_PER_TEMPLATE = 2
"""Python's stack holds 50 templates that name each other, and 100 parentheses."""


@frozen
class Text:
    """Strings in quotes and names of templates, to be joined."""

    words: tuple[str, ...]


@frozen
class Filter:
    """`label operator text`; without the latter two a template for filters, or if it is quoted the name of a metric."""

    label: str
    operator: str | None
    text: Text | None
    is_quoted: bool = False


@frozen
class Metric:
    """A name, filters, or both."""

    name: str | None
    groups: tuple[tuple[Filter, ...], ...]


@frozen
class Parentheses:
    """Any number of expressions."""

    items: tuple[Expression, ...]


@frozen
class Sum:
    """Expressions with `+` between them: all must be strings."""

    items: tuple[Expression, ...]


@frozen
class Template:
    """A name for an expression; those that vmagent brings along are functions and have none."""

    name: str
    expression: Expression | None


@frozen
class With:
    """An expression, and templates for it."""

    templates: tuple[Template, ...]
    expression: Expression


Expression = Text | Metric | Parentheses | Sum | With


@frozen
class _Condition:
    label: str
    operator: str
    value: str

    @property
    def is_name(self) -> bool:
        return self.label == _NAME and self.operator == "="


_Group = tuple[_Condition, ...]
_Groups = tuple[_Group, ...]
_Scope = tuple[Template, ...]
_Value = str | _Groups | list[Any]
"""A string, a selector, or parentheses with any number of the three."""

_FUNCTIONS: _Scope = tuple(Template(name, None) for name in ("ru", "ttf", "range_median", "alias"))


def regexes(expression: Expression) -> tuple[str, ...]:
    """The regular expressions of the selector that comes out of `expression`, each as often as it is there.

    Raises NoSelectorError when none comes out.
    """
    found = _Expansion().expand(expression, _FUNCTIONS, 0)
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, tuple):
        raise NoSelectorError("something else comes out of it")
    return tuple(condition.value for group in found for condition in group if "~" in condition.operator)


@define
class _Expansion:
    """What one expansion has cost so far."""

    steps: int = 0

    def expand(self, expression: Expression, resolver: _Scope, depth: int) -> _Value:
        self.count(1)
        if depth > limits.EXPRESSION_NESTING:
            raise NoSelectorError(limits.EXPRESSION_NESTING.exceeded)
        if isinstance(expression, Parentheses):
            return [self.expand(item, resolver, depth + 1) for item in expression.items]
        if isinstance(expression, With):
            return self.expand(expression.expression, (*resolver, *expression.templates), depth + 1)
        if isinstance(expression, Sum):
            return "".join(self.string(self.expand(item, resolver, depth + 1)) for item in expression.items)
        if isinstance(expression, Text):
            return self.text(expression, resolver, depth)
        return self.metric(expression, resolver, depth)

    def count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > limits.TEMPLATE_STEPS:
            raise NoSelectorError(limits.TEMPLATE_STEPS.exceeded)

    def template(self, name: str, resolver: _Scope, depth: int, *, as_name: bool) -> _Value | None:
        """What the template of that name stands for; a function is the name of a metric, or else an error. None if there is none."""
        index = next((index for index in reversed(range(len(resolver))) if resolver[index].name == name), None)
        if index is None:
            return None
        expression = resolver[index].expression
        if expression is not None:
            return self.expand(expression, resolver[:index], depth + _LEVELS_PER_TEMPLATE)
        if not as_name:
            raise NoSelectorError(f"{name!r} is a function")
        return ((_Condition(_NAME, "=", name),),)

    def text(self, text: Text, resolver: _Scope, depth: int) -> str:
        return "".join(self.word(word, resolver, depth) for word in text.words)

    def word(self, word: str, resolver: _Scope, depth: int) -> str:
        found = value(word) if word[0] in QUOTES else self.template(word, resolver, depth, as_name=True)
        return self.string(found)

    def string(self, found: _Value | None) -> str:
        if not isinstance(found, str):
            raise NoSelectorError("a string was expected")
        self.count(len(found) // limits.CACHED_CHARACTERS)
        return found

    def metric(self, metric: Metric, resolver: _Scope, depth: int) -> _Value:
        if metric.name is None and not metric.groups:
            return ()
        groups = tuple(self.group(metric.name, group, resolver, depth) for group in metric.groups or ((),))
        return self.named(_with_common_name(groups), resolver, depth)

    def group(self, name: str | None, filters: tuple[Filter, ...], resolver: _Scope, depth: int) -> _Group:
        """The conditions of a group, that for the name first; a name that is not empty must not be followed by another."""
        names = [] if name is None else [_Condition(_NAME, "=", name)]
        others: list[_Condition] = []
        for each in filters:
            for condition, is_own in self.conditions(each, resolver, depth):
                if not (is_own and condition.is_name):
                    others.append(condition)
                    continue
                if names and names[0].value not in ("", condition.value):
                    raise NoSelectorError("two names of a metric")
                names.insert(0, condition)
        return tuple(dict.fromkeys((*names, *others)))

    def conditions(self, given: Filter, resolver: _Scope, depth: int) -> Iterator[tuple[_Condition, bool]]:
        """What a filter stands for, each with whether it is written here and comes from no template."""
        self.count(1)
        if given.operator is not None and given.text is not None:
            found = self.text(given.text, resolver, depth)
            if "~" in given.operator and (fault := regex.fault(found)):
                raise NoSelectorError(fault)
            yield _Condition(given.label, given.operator, found), True
            return
        expanded = self.template(given.label, resolver, depth, as_name=False)
        if expanded is None and given.is_quoted:
            yield _Condition(_NAME, "=", given.label), True
            return
        if not isinstance(expanded, tuple) or len(expanded) > 1 or _common_name(expanded):
            raise NoSelectorError(f"{given.label[:20]!r} stands for no filters")
        for group in expanded:
            self.count(len(group))
            yield from ((condition, False) for condition in group)

    def named(self, groups: _Groups, resolver: _Scope, depth: int) -> _Value:
        """`groups`, with their common name expanded if it is that of a template."""
        name = _common_name(groups)
        found = self.template(name, resolver, depth, as_name=True) if name else None
        if found is None:
            return groups
        is_only_name = all(len(group) <= 1 for group in groups)
        if not isinstance(found, tuple) or len(found) != 1:
            if is_only_name:
                return found
            if not isinstance(found, tuple) or len(groups) != 1:
                raise NoSelectorError(f"{name[:20]!r} cannot be combined with these filters")
        return self.merged(found, groups)

    def merged(self, ours: _Groups, theirs: _Groups) -> _Groups:
        """Each of `ours` with each of `theirs`, without the name that stands first there."""
        pairs = [(own, other[1:]) for own in ours for other in theirs]
        self.count(sum(len(own) + len(other) for own, other in pairs))
        return tuple(tuple(dict.fromkeys((*own, *other))) for own, other in pairs)


def _with_common_name(groups: _Groups) -> _Groups:
    """`groups`; if all that have names have the same one, the others get it too."""
    names = {group[0].value for group in groups if group and group[0].is_name and group[0].value}
    if len(names) != 1:
        return groups
    name = _Condition(_NAME, "=", names.pop())
    return tuple(group if any(each.label == _NAME for each in group) else (name, *group) for group in groups)


def _common_name(groups: _Groups) -> str:
    """The name that every group starts with; empty if there is none."""
    firsts = {group[0].value if group and group[0].is_name else "" for group in groups}
    return firsts.pop() if len(firsts) == 1 else ""
