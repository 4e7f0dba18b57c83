"""Strategic merge of user containers."""

from pathlib import Path

import pytest
import yaml

from vmagent_operator.desired.container import merged
from vmagent_operator.model.decode import Manifest

CASES = [*yaml.safe_load_all(Path(__file__).with_name("container.yaml").read_text())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_merged(case: Manifest) -> None:
    own, given = ({"name": "vmagent", **case[key]} for key in ("base", "patch"))
    assert merged([own], [given]) == [{"name": "vmagent", **case["want"]}]


def test_containers_that_patch_nothing_follow_in_the_order_of_the_user() -> None:
    own, given = [{"name": "vmagent"}], [{"name": "b"}, {"name": "vmagent", "image": "i"}, {"name": "a"}]
    assert merged(own, given) == [{"name": "vmagent", "image": "i"}, {"name": "b"}, {"name": "a"}]
    assert own == [{"name": "vmagent"}]
