"""One workload of a sharded agent, from the workload that stands for all of them."""

import json

from vmagent_operator.desired.names import SHARD_PLACEHOLDER
from vmagent_operator.model.decode import Manifest

_MEMBER_FLAGS = ("promscrape.cluster.membersCount", "promscrape.cluster.memberNum")


def render(workload: Manifest, shard: int, count: int, *, scrapes: bool = True) -> Manifest:
    """The workload of one shard out of `count`, counted from 0; `workload` itself is left as it is.

    The placeholder is replaced wherever it stands, the user's parts included. scrapes: whether vmagent is told which
    part of the targets is its own.
    """
    rendered: Manifest = json.loads(json.dumps(workload).replace(SHARD_PLACEHOLDER, str(shard)))
    if scrapes:
        containers = rendered["spec"]["template"]["spec"]["containers"]
        vmagent = next(container for container in containers if container["name"] == "vmagent")
        kept = [
            argument for argument in vmagent.get("args", ()) if not any(flag in str(argument) for flag in _MEMBER_FLAGS)
        ]
        vmagent["args"] = kept + [f"-{flag}={value}" for flag, value in zip(_MEMBER_FLAGS, (count, shard), strict=True)]
    return rendered
