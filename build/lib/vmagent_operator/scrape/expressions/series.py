"""Series selectors such as `up{job="a"}`: does vmagent take one for the `if` of a rule?

It refuses its whole file for one that it does not take. The text is cut into words and these are read once, by the grammar of
vmagent's own parser as far as a selector can come out of it; whatever else there is in MetricsQL is refused. Functions among
WITH templates are refused as well.

Source: https://github.com/VictoriaMetrics/metricsql/blob/v0.87.3/parser.go,
https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.150.0/lib/promrelabel/if_expression.go
"""

from collections.abc import Callable

from attrs import define

from vmagent_operator import limits
from vmagent_operator.scrape.expressions import templates
from vmagent_operator.scrape.expressions.caching import cached
from vmagent_operator.scrape.expressions.templates import (
    Expression,
    Filter,
    Metric,
    Parentheses,
    Sum,
    Template,
    Text,
    With,
)
from vmagent_operator.scrape.expressions.tokens import QUOTES, NoSelectorError, is_name, tokens, unescaped

_OPERATORS = frozenset(("=", "!=", "=~", "!~"))
_NUMBERS = frozenset(("inf", "nan"))
_AFTER_METRIC = frozenset(("", "{", ")", ",", "+"))
_SHOWN_CHARACTERS = 80


@cached
def fault(text: str) -> str | None:
    """Why `text` is no series selector that vmagent takes, or None if it is one."""
    found = _regexes(text)
    return found if isinstance(found, str) else None


def regexes(text: str) -> tuple[str, ...]:
    """The regular expressions that vmagent compiles for the selector `text`, its templates expanded; none if it is no selector."""
    found = _regexes(text)
    return () if isinstance(found, str) else found


def _regexes(text: str) -> tuple[str, ...] | str:
    """What `regexes` returns, or what is wrong."""
    if len(text) > limits.EXPRESSION_CHARACTERS:
        return limits.EXPRESSION_CHARACTERS.exceeded
    shown = repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...")
    if any("\ud800" <= char <= "\udfff" for char in text):
        return f"{shown} is no series selector: holds half a character"
    try:
        return templates.regexes(_Reader(tokens(text)).read())
    except NoSelectorError as error:
        return f"{shown} is no series selector: {error}"


@define
class _Reader:
    """Goes through the words of an expression once."""

    words: list[str]
    at: int = 0
    depth: int = 0
    _end: str = ""

    def read(self) -> Expression:
        """Raises NoSelectorError."""
        found = self.expression()
        if self.word:
            raise self.unexpected()
        return found

    @property
    def word(self) -> str:
        """The next one; empty at the end."""
        return self.ahead(0)

    def ahead(self, count: int) -> str:
        return self.words[self.at + count] if self.at + count < len(self.words) else self._end

    def unexpected(self) -> NoSelectorError:
        return NoSelectorError(f"unexpected {self.word[:10]!r}" if self.word else "unexpected end")

    def take(self) -> str:
        word = self.word
        self.at += 1
        return word

    def expect(self, wanted: str) -> None:
        if self.word != wanted:
            raise self.unexpected()
        self.at += 1

    def expression(self) -> Expression:
        """One or several with `+` between them; of operators there is no other, since no selector and no string comes out of them."""
        items = [self.single()]
        while self.word == "+":
            self.at += 1
            items.append(self.single())
        return items[0] if len(items) == 1 else Sum(tuple(items))

    def single(self) -> Expression:
        while self.word == "+":
            self.at += 1
        if self.word.lower() == "with" and self.ahead(1) == "(":
            return self.nested(self.templates)
        if self.word[:1] in QUOTES:
            return self.text()
        if self.word == "(":
            return self.nested(self.parentheses)
        if self.word == "{":
            return Metric(None, self.groups())
        if not is_name(self.word) or self.word.lower() in _NUMBERS:
            raise self.unexpected()
        name = self.take()
        self.no_function(name)
        if self.word not in _AFTER_METRIC:
            raise self.unexpected()
        return Metric(unescaped(name), self.groups() if self.word == "{" else ())

    def nested(self, read: Callable[[], Expression]) -> Expression:
        self.depth += 1
        if self.depth > limits.EXPRESSION_NESTING:
            raise NoSelectorError(limits.EXPRESSION_NESTING.exceeded)
        found = read()
        self.depth -= 1
        return found

    def parentheses(self) -> Expression:
        self.expect("(")
        items = []
        while self.word != ")":
            items.append(self.expression())
            if self.word != ")":
                self.expect(",")
        self.expect(")")
        return Parentheses(tuple(items))

    def templates(self) -> Expression:
        self.at += 1
        self.expect("(")
        found: dict[str, Template] = {}
        while self.word != ")":
            template = self.template()
            if template.name in found:
                raise NoSelectorError(f"two templates {template.name!r}")
            found[template.name] = template
            if self.word != ")":
                self.expect(",")
        self.expect(")")
        return With(tuple(found.values()), self.expression())

    def template(self) -> Template:
        if not is_name(self.word):
            raise self.unexpected()
        word = self.take()
        self.no_function(word)
        self.expect("=")
        return Template(unescaped(word), self.expression())

    def no_function(self, name: str) -> None:
        if self.word == "(":
            raise NoSelectorError(f"{name[:20]!r} is a function")

    def text(self) -> Text:
        """Strings and names of templates, joined by `+`."""
        words = [self.take()]
        while self.word == "+" and self.is_text(self.ahead(1)) and self.ahead(2) not in ("(", "{"):
            self.at += 1
            words.append(self.take())
        return Text(tuple(words))

    def is_text(self, word: str) -> bool:
        return word[:1] in QUOTES or is_name(word)

    def groups(self) -> tuple[tuple[Filter, ...], ...]:
        """The filters in braces, in groups between which there is `or`."""
        self.expect("{")
        found: list[tuple[Filter, ...]] = []
        while self.word != "}" or found:
            found.append(tuple(self.filters()))
            if self.word == "}":
                break
            self.at += 1
        self.expect("}")
        return tuple(found)

    def filters(self) -> list[Filter]:
        found = [self.filter()]
        while self.word == ",":
            self.at += 1
            if self.word == "}":
                break
            found.append(self.filter())
        if self.word != "}" and self.word.lower() != "or":
            raise self.unexpected()
        return found

    def filter(self) -> Filter:
        is_quoted = self.word[:1] in QUOTES
        if not is_quoted and not is_name(self.word):
            raise self.unexpected()
        word = self.take()
        label = unescaped(word[1:-1] if is_quoted else word)
        if self.word in _OPERATORS:
            operator = self.take()
            if not self.is_text(self.word):
                raise self.unexpected()
            return Filter(label, operator, self.text())
        if self.word not in (",", "}") and self.word.lower() != "or":
            raise self.unexpected()
        return Filter(label, None, None, is_quoted)
