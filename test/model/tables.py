"""A small field table with one field of every shape, shared by the tests of the walkers."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from attrs import field, frozen

from vmagent_operator.model.encode import Secrets
from vmagent_operator.model.fields import Field, Json

Container = Annotated[dict[str, Any], Json("io.k8s.api.core.v1.Container", required=("name",))]


@frozen(kw_only=True)
class Selector:
    """A reference whose configuration is the text it points at."""

    name: Annotated[str, Field("Object.")] = ""
    key: Annotated[str, Field("Key.")]

    def to_config(self, secrets: Secrets) -> str:
        """The referenced text."""
        return secrets.value(self)


@frozen(kw_only=True)
class HTTP:
    """An inline part."""

    follow_redirects: Annotated[bool | None, Field("Follow redirects.")] = None
    token: Annotated[Selector | None, Field("Token.", config="bearer_token")] = None


@frozen(kw_only=True)
class Discovery:
    """One field of every shape."""

    server: Annotated[str, Field("Server.", schema={"minLength": 1})]
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Field("Scheme.", emit=str.lower)] = None
    services: Annotated[tuple[str, ...], Field("Services.")] = ()
    source_labels: Annotated[tuple[str, ...], Field("Labels.", aliases=("source_labels",))] = ()
    meta: Annotated[Mapping[str, str], Field("Metadata.")] = field(factory=dict)
    port: Annotated[int | str | None, Field("Port.")] = None
    ratio: Annotated[float, Field("Ratio.")] = 0.0
    limit: Annotated[int, Field("Limit.", always=True)] = 0
    size: Annotated[str, Field("Size.", pattern="^[0-9]+(kb|mb)?$", config="")] = ""
    regex: Annotated[str | tuple[str, ...] | None, Field("Expression.")] = None
    containers: Annotated[tuple[Container, ...], Field("Containers.", config="")] = ()
    http: Annotated[HTTP, Field("Client options.", inline=True)] = HTTP()


TOKEN = Selector(name="consul", key="acl")


class Texts:
    """Secrets that answer with the name and key asked for."""

    def value(self, selector: Any) -> str:
        return f"text of {selector.name}/{selector.key}"

    def path(self, selector: Any) -> str:
        return f"/{selector.name}/{selector.key}"
