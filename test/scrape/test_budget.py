"""What one object may make of itself: to the last byte, and not one more."""

import pytest

from vmagent_operator.scrape.checks.budget import Budget, OverBudgetError


def test_what_uses_a_limit_up_is_within_it() -> None:
    budget = Budget(text_bytes=10, rules=2)
    budget.job({}, b"x" * 10)
    rules = [{"action": "labeldrop"}, {"target_label": "a"}]
    assert list(budget.counted(rules)) == rules
    with pytest.raises(OverBudgetError, match="bytes of configuration"):
        budget.job({}, b"x")
    with pytest.raises(OverBudgetError, match="rules"):
        list(budget.counted(rules[:1]))


def taken(*rules: dict[str, object], text: int = 0, params: int = 0) -> int:
    """The memory that a job counts for."""
    budget = Budget()
    assert len(list(budget.counted(rules))) == len(rules)
    budget.job({"params": {str(number): ["1"] for number in range(params)}}, b"x" * text)
    return budget.taken_bytes


def test_memory_is_counted_for_everything_that_vmagent_keeps() -> None:
    """The numbers were measured; see `test/vmagent/test_cost.py` for expressions."""
    assert taken() == 2600
    assert taken(text=100) - taken() == 1400
    assert taken(params=3) - taken() == 3 * 480
    assert taken({"target_label": "a"}) - taken() == 720
    assert taken({"target_label": "a", "regex": 5, "if": []}) - taken() == 720
    small, large = taken({"regex": "a"}), taken({"regex": "a{1000}"})
    assert 720 + 3800 < small - taken() < 8000 < large - taken()
    assert taken({"regex": ["a{500}", "a{500}"]}) > large
    assert taken({"if": ["up", "up"]}) - taken() == 720 + 2 * (taken({"if": "up"}) - taken() - 720)
    assert taken({"if": '{a=~"b{1000}"}'}) > taken({"if": '{a=~"b"}'}) > taken({"if": "up"}) > taken() + 720 + 3800


def test_memory_may_be_used_up_to_the_last_byte() -> None:
    Budget(memory_bytes=taken(text=10)).job({}, b"x" * 10)
    with pytest.raises(OverBudgetError, match="bytes of vmagent's memory"):
        Budget(memory_bytes=taken(text=10) - 1).job({}, b"x" * 10)
