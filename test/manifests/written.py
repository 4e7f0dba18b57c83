"""What of `manifests` is written: the single file, the dashboard, what kube-state-metrics reads, and much of the chart.

`python -m test.manifests.written` (`make manifests`) writes it, and a test compares, so that nothing is kept twice by hand.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from test.manifests import statemetrics
from test.manifests.built import MANIFESTS, build
from test.manifests.dashboard import dashboard
from vmagent_operator.api.crd import manifest
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli.manifests import dump

CHART = MANIFESTS / "chart"
STATE_METRICS = MANIFESTS / "monitoring/kube-state-metrics"
WRITTEN = "written by `make manifests`"
RULES = {  # template in the chart: file with the rules, and which of its documents has them
    "cluster": ("base/cluster_role.yaml", 0),
    "namespace": ("namespaced/watched/role.yaml", 0),
    "view": ("base/user_roles.yaml", 0),
    "edit": ("base/user_roles.yaml", 1),
    "vmagents-edit": ("base/user_roles.yaml", 2),
}
CRD = """{{{{- /* {written} */}}}}
{{{{- if .Values.crds.enabled }}}}
{{{{- $keep := .Values.crds.keep | ternary (dict "helm.sh/resource-policy" "keep") dict }}}}
{{{{- $annotations := merge $keep .Values.crds.annotations }}}}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  {{{{- include "operator.metadata" (dict "root" $ "name" "{name}" "global" true "annotations" $annotations) | nindent 2 }}}}
{spec}{{{{- end }}}}
"""
TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)


def written() -> dict[Path, str]:
    """The text of each file that is written."""
    readme = CHART / "README.md"
    return {
        MANIFESTS / "install.yaml": f"# {WRITTEN.capitalize()} from kustomization.yaml.\n" + dump(build("."), "yaml"),
        CHART / "templates/_rules.tpl": "\n".join(_definitions()) + "\n",
        CHART / "files/alerts.yaml": f"# {WRITTEN.capitalize()}.\n" + _alerts(),
        CHART / "files/dashboard.json": dashboard(),
        MANIFESTS / "monitoring/grafana/vmagent-operator.json": dashboard(),
        **{CHART / f"templates/crds/{kind.plural}.yaml": _crd(manifest(kind)) for kind in KINDS},
        STATE_METRICS / "config.yaml": f"# {WRITTEN.capitalize()}.\n" + _yaml(statemetrics.config()),
        STATE_METRICS / "values.yaml": f"# {WRITTEN.capitalize()}.\n" + _yaml(statemetrics.values()),
        readme: TABLE.sub(lambda _: table(), readme.read_text()),
    }


def _crd(definition: Mapping[str, Any]) -> str:
    spec = dump([{"spec": definition["spec"]}], "yaml").removeprefix("---\n").replace("{{", '{{ "{{" }}')
    return CRD.format(written=WRITTEN, name=definition["metadata"]["name"], spec=spec)


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120, default_flow_style=None)


def _alerts() -> str:
    """What a rule object has as its spec, indented as that of the file is not."""
    return textwrap.dedent((MANIFESTS / "monitoring/victoriametrics/vmrule.yaml").read_text().partition("\nspec:\n")[2])


def _definitions() -> Iterator[str]:
    yield f"{{{{- /* {WRITTEN} */}}}}"
    for name, (file, index) in RULES.items():
        document = (MANIFESTS / file).read_text().split("\n---\n")[index]
        yield _definition(f"rules.{name}", document.partition("\nrules:\n")[2].rstrip())
    component = yaml.safe_load((MANIFESTS / "components/vpa/kustomization.yaml").read_text())
    (rule,) = yaml.safe_load(component["patches"][0]["patch"])
    yield _definition("rules.vpa", yaml.safe_dump([rule["value"]]).rstrip())
    policy = (MANIFESTS / "components/network-policy/network_policy.yaml").read_text()
    yield _definition("networkpolicy", re.sub(r"^  ", "", policy[policy.index("  policyTypes") :], flags=re.M).rstrip())


def _definition(name: str, text: str) -> str:
    return f'\n{{{{- define "operator.{name}" -}}}}\n{text}\n{{{{- end -}}}}'


def schema() -> dict[str, Any]:
    """The schema of the chart's values."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


def leaves(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each value of the chart by its path with dots, and its schema."""
    for name, value in node.get("properties", {}).items():
        if "properties" in value and "items" not in value:
            yield from leaves(value, (*path, name))
        else:
            yield ".".join((*path, name)), value


def table() -> str:
    """What README.md says about each value."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = ["| Value | Default | Meaning |", "|---|---|---|"]
    for path, value in leaves(schema()):
        default: Any = defaults
        for name in path.split("."):
            default = default.get(name) if isinstance(default, dict) else None
        shown = "" if default in (None, "", {}, []) else f"`{json.dumps(default)}`"
        rows.append(f"| `{path}` | {shown} | {value['description']} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Write every file."""
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
