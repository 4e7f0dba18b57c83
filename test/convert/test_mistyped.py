"""Nothing of another type than the schema's is taken, whatever the API server has let through: it is told at its path.

What nothing stands for is lost as it is.
"""

from typing import Any

import pytest

from test.convert.recorded import spec_schema
from test.convert.test_fields import FIELDS, at, document, leaves, of, shown
from vmagent_operator.api.kinds import Kind

ODD = {"string": ["x"], "boolean": "x", "integer": "x"}


def placed(raw: Any, path: tuple[str, ...], value: Any) -> Any:
    """`raw` with this value at `path`."""
    if not path:
        return value
    head, *rest = path
    key: Any = {"[]": 0, "{}": "k"}.get(head, head)
    raw[key] = placed(raw[key], tuple(rest), value)
    return raw


@pytest.mark.parametrize(("kind", "key"), FIELDS, ids=[f"{kind.name}.{key}" for kind, key in FIELDS])
def test_what_is_of_another_type_is_told_at_its_path(kind: Kind[Any], key: str) -> None:
    schema = spec_schema(kind)
    silent = []
    for path in leaves(schema["properties"][key], (key,)):
        found = at(schema, path)
        odd = True if found.get("x-kubernetes-int-or-string") else ODD.get(found.get("type", ""))
        if odd is not None:
            made = of(kind, placed(document(schema, path), path, odd))
            lost = any(shown(path).startswith(loss.path) for loss in made.losses)
            silent += [] if lost or f"{shown(path)}: expected " in made.error else [(shown(path), made.error)]
    assert silent == []
