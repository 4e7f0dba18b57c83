"""Which images run in the pod."""

import re

from vmagent_operator.api.apps import ReloaderParams
from vmagent_operator.desired.component import Component
from vmagent_operator.settings import Settings

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]{32,}")


def main(component: Component) -> str:
    """The application's image; a tag that is a digest is joined with `@`."""
    given = component.params.image
    repository = _from_registry((given and given.repository) or component.defaults.image, component.settings)
    tag = (given and given.tag) or _default_tag(component)
    return f"{repository}@{tag}" if _DIGEST.fullmatch(tag) else f"{repository}:{tag}"


def pull_policy(component: Component) -> str:
    """When the application's image is pulled."""
    given = component.params.image
    return (given and given.pull_policy) or "IfNotPresent"


def reloader(params: ReloaderParams, settings: Settings) -> str:
    """The image of `config-init` and `config-reloader`."""
    image = params.config_reloader_image or params.config_reloader_image_tag or settings.config_reloader_image
    return _from_registry(image, settings)


def _default_tag(component: Component) -> str:
    tag = component.params.component_version or component.defaults.version
    return _enterprise(tag) if component.has_license else tag


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
