"""Pages as trees of elements: what comes from outside is text, whatever it looks like."""

from xml.etree import ElementTree as Tree

import pytest

from vmagent_operator.serve.html import Node, document, element, link, table


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (element("p"), "<p></p>"),
        (element("p", "a", None, "", "b"), "<p>ab</p>"),
        (element("p", "a", element("b", "c"), "d", "e"), "<p>a<b>c</b>de</p>"),
        (
            element("p", element("a", "1"), element("b", "2"), element("i", "3"), "4"),
            "<p><a>1</a><b>2</b><i>3</i>4</p>",
        ),
        (element("p", "<b>&", title='"'), '<p title="&quot;">&lt;b&gt;&amp;</p>'),
        (element("p", class_="bad", aria_label="x", title=""), '<p class="bad" aria-label="x"></p>'),
        (link("there", "/a?b=c&d"), '<a href="/a?b=c&amp;d">there</a>'),
    ],
)
def test_an_element_is_written_so(made: Node, text: str) -> None:
    assert isinstance(made, Tree.Element)
    assert Tree.tostring(made, encoding="unicode", method="html") == text


def test_a_table_has_the_classes_of_its_columns() -> None:
    made = Tree.tostring(table({"Name": "", "Jobs": "number"}, [["a", "1"]]), encoding="unicode", method="html")
    head = '<thead><tr><th>Name</th><th class="number">Jobs</th></tr></thead>'
    assert made == f'<table>{head}<tbody><tr><td>a</td><td class="number">1</td></tr></tbody></table>'


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    text = document("A & B", element("p", "x")).body.decode()
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<h1>A &amp; B</h1><p>x</p>" in text
    assert "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'" in text
    assert document("x", "\ud800").body.decode().count("?") == 1
