"""What is kept of an error that nobody foresaw."""

from vmagent_operator.model.bugs import FRAMES, trail


def fail(depth: int) -> None:
    """Fail so many calls further down."""
    if not depth:
        raise KeyError("s3cr3t")
    fail(depth - 1)


def caught(depth: int) -> str:
    try:
        fail(depth)
    except KeyError as error:
        return trail(error)
    raise AssertionError


def test_it_is_the_kind_of_the_error_and_the_way_to_it_and_nothing_of_its_text() -> None:
    kind, _, way = caught(1).partition(" at ")
    assert kind == "KeyError"
    assert [step.split(" ")[1] for step in way.split(" > ")] == ["caught", "fail", "fail"]
    assert "test_bugs.py:" in way


def test_of_a_recursion_only_the_end_is_named() -> None:
    assert caught(500).count("fail") == FRAMES
