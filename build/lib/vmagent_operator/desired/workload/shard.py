"""One workload of a sharded component, from the workload that stands for all of them."""

import json
from collections.abc import Mapping

from vmagent_operator.desired.names import SHARD_PLACEHOLDER
from vmagent_operator.model.decode import Manifest


def render(manifest: Manifest, shard: int) -> Manifest:
    """`manifest` for one shard, counted from 0; `manifest` itself is left as it is.

    The placeholder is replaced wherever it stands, the user's parts included.
    """
    rendered: Manifest = json.loads(json.dumps(manifest).replace(SHARD_PLACEHOLDER, str(shard)))
    return rendered


def with_flags(workload: Manifest, container: str, flags: Mapping[str, object]) -> Manifest:
    """`workload` with `flags` as the last arguments of its `container`, in place of any that name one of them."""
    containers = workload["spec"]["template"]["spec"]["containers"]
    own = next(one for one in containers if one["name"] == container)
    kept = [argument for argument in own.get("args", ()) if not any(flag in str(argument) for flag in flags)]
    own["args"] = kept + [f"-{flag}={value}" for flag, value in flags.items()]
    return workload
