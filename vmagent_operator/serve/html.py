"""HTML pages as trees of elements, so that every text that comes from outside is escaped by construction."""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as Tree

from vmagent_operator.serve.http import Answer

Node = Tree.Element | str

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bad: #c62828; --busy: #b26a00; --good: #2e7d32 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --busy: #ffcc80; --good: #a5d6a7 } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem }
h1 { font-size: 1.35rem } h2 { font-size: 1.1rem; margin-top: 2rem }
nav, form { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin: .8rem 0 }
input, select, button { font: inherit; padding: .2rem .5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line) }
td { overflow-wrap: break-word } td.text { overflow-wrap: anywhere; width: 45% } td.number, th.number { text-align: right }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; font-size: .85rem }
.bad { color: var(--bad) } .busy { color: var(--busy) } .good { color: var(--good) }
@media (max-width: 40rem) { th, td { padding-right: .3rem } body { font-size: 14px } }
"""
# Nothing is loaded from anywhere, and no script runs: whatever gets into a page can do nothing there.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


def element(tag: str, *children: Node | None, **attributes: str) -> Tree.Element:
    """An element with these texts and elements in it. Of attributes, `class_` is class and `aria_label` aria-label."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value}
    made = Tree.Element(tag, named)
    for child in children:
        if isinstance(child, Tree.Element):
            made.append(child)
        elif child and len(made):
            made[-1].tail = (made[-1].tail or "") + child
        elif child:
            made.text = (made.text or "") + child
    return made


def link(text: str, target: str) -> Tree.Element:
    """A link to another page."""
    return element("a", text, href=target)


def table(columns: Mapping[str, str], rows: Iterable[Iterable[Node]]) -> Tree.Element:
    """A table. columns: head -> class, such as "number", or "text" for what may be long."""
    head = (element("th", name, class_=of) for name, of in columns.items())
    body = (
        element("tr", *(element("td", cell, class_=of) for cell, of in zip(row, columns.values(), strict=True)))
        for row in rows
    )
    return element("table", element("thead", element("tr", *head)), element("tbody", *body))


def document(title: str, *body: Node | None) -> Answer:
    """A whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", _STYLE),
    )
    whole = element("html", head, element("body", element("h1", title), *body), lang="en")
    text = "<!DOCTYPE html>\n" + Tree.tostring(whole, encoding="unicode", method="html")
    return Answer(text.encode(errors="replace"), content_type="text/html; charset=utf-8")
