"""Which images run in the pod."""

import re

from vmagent_operator.desired.vmagent.features import VMAgent, has_license, spec
from vmagent_operator.settings import Settings

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]{32,}")


def vmagent(agent: VMAgent, settings: Settings) -> str:
    """vmagent's image; a tag that is a digest is joined with `@`."""
    given = spec(agent).apps.image
    repository = _from_registry((given and given.repository) or settings.vmagent_image, settings)
    tag = (given and given.tag) or _default_tag(agent, settings)
    return f"{repository}@{tag}" if _DIGEST.fullmatch(tag) else f"{repository}:{tag}"


def pull_policy(agent: VMAgent) -> str:
    """When vmagent's image is pulled."""
    given = spec(agent).apps.image
    return (given and given.pull_policy) or "IfNotPresent"


def reloader(agent: VMAgent, settings: Settings) -> str:
    """The image of `config-init` and `config-reloader`."""
    given = spec(agent).reloader
    image = given.config_reloader_image or given.config_reloader_image_tag or settings.config_reloader_image
    return _from_registry(image, settings)


def _default_tag(agent: VMAgent, settings: Settings) -> str:
    tag = spec(agent).apps.component_version or settings.vmagent_version
    return _enterprise(tag) if has_license(agent) else tag


def _enterprise(tag: str) -> str:
    """The tag of the enterprise build beside `tag`, if `tag` names a release."""
    if not tag.startswith("v") or tag.count(".") != 2 or "@" in tag:
        return tag
    version, dash, suffix = tag.partition("-")
    if dash and suffix != "cluster":
        return tag
    return f"{version}-enterprise{dash}{suffix}"


def _from_registry(image: str, settings: Settings) -> str:
    """`image` in the operator's registry, unless it names one: that is taken to be so with two slashes or more."""
    if not settings.container_registry or image.count("/") > 1:
        return image
    return f"{settings.container_registry.removesuffix('/')}/{image}"
