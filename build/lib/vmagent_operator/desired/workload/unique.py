"""Lists that Kubernetes keeps by a key, without a second item of the same key.

An ordinary write may have two of them, and each list has a meaning then; server-side apply refuses them. Where Kubernetes
refuses them always (volumes, mounts, spread constraints) they are left for it to say so.
"""

from collections.abc import Sequence

from vmagent_operator.model.decode import Manifest


def container(given: Manifest) -> Manifest:
    """`given` with each variable and each port once: the kubelet sets the last value and opens a port once."""
    out = dict(given)
    if isinstance(env := given.get("env"), list):
        out["env"] = last(env, "name")
    if isinstance(ports := given.get("ports"), list):
        out["ports"] = first(ports, "containerPort", "protocol")
    return out


def first(items: Sequence[Manifest], *keys: str) -> list[Manifest]:
    """The first item of each key."""
    found = dict[tuple[object, ...], Manifest]()
    for item in items:
        found.setdefault(_key(item, keys), item)
    return list(found.values())


def last(items: Sequence[Manifest], *keys: str) -> list[Manifest]:
    """The last item of each key, where it stands: what it refers to stands before it."""
    return first(items[::-1], *keys)[::-1]


def host_aliases(given: Sequence[Manifest]) -> list[Manifest]:
    """One alias for each address, with the names of all."""
    found = dict[tuple[object, ...], Manifest]()
    for alias in given:
        known = found.setdefault(_key(alias, ("ip",)), {**alias, "hostnames": []})
        known["hostnames"] += [name for name in alias.get("hostnames") or () if name not in known["hostnames"]]
    return [{key: value for key, value in alias.items() if value != []} for alias in found.values()]


def _key(item: Manifest, keys: Sequence[str]) -> tuple[object, ...]:
    """What tells `item` from others; anything that is no object with such a key only from itself."""
    if not isinstance(item, dict) or keys[0] not in item:
        return (id(item),)
    return tuple(str(item.get(key) or ("TCP" if key == "protocol" else "")) for key in keys)
