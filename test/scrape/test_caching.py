"""What was found out about a text is remembered, unless that takes much memory."""

from vmagent_operator.limits import CACHED_CHARACTERS
from vmagent_operator.scrape.expressions.caching import cached


def test_a_short_text_is_looked_at_once_and_a_long_one_is_not_kept() -> None:
    seen: list[int] = []

    @cached
    def length(text: str) -> int:
        seen.append(len(text))
        return len(text)

    short, long = "x" * CACHED_CHARACTERS, "x" * (CACHED_CHARACTERS + 1)
    assert [length(text) for text in (short, short, long, long)] == [len(short)] * 2 + [len(long)] * 2
    assert seen == [len(short), len(long), len(long)]
