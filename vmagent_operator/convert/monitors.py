"""ServiceMonitor, PodMonitor and Probe: what each of their fields becomes."""

from typing import Any

from vmagent_operator.convert.blocks import (
    ATTACH_METADATA,
    ENDPOINT,
    LABEL_SELECTOR,
    LIMITS,
    NAMESPACE_SELECTOR,
    PROXY,
    SCRAPING,
    TLS_WITH_FILES,
    bearer_token,
    moved_path,
    rules,
    size,
)
from vmagent_operator.convert.table import (
    Dropped,
    Reading,
    Table,
    To,
    block,
    flag,
    listed,
    lower,
    number,
    number_or_text,
    text,
    texts,
    texts_by_key,
)

_RUNNING = {"action": "drop", "sourceLabels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)"}
"""What a Prometheus does for `filterRunning`."""


def _running(endpoint: dict[str, Any]) -> dict[str, Any]:
    """An endpoint of Services with `filterRunning` as the rule that it stands for."""
    if endpoint.pop("filterRunning", False):
        endpoint["relabelConfigs"] = [_RUNNING, *endpoint.get("relabelConfigs", ())]
    return endpoint


def _spread(endpoints: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A spec whose limit for responses is that of each endpoint, and which has endpoints."""
    limit = spec.pop("bodySizeLimit", None)
    found = spec.get(endpoints, [])
    return spec | {endpoints: [each | {"max_scrape_size": limit} for each in found] if limit else found}


_MONITOR: Table = {
    **LIMITS,
    "jobLabel": To(text),
    "podTargetLabels": To(texts),
    "selector": To(LABEL_SELECTOR),
    "namespaceSelector": To(NAMESPACE_SELECTOR),
    "attachMetadata": To(ATTACH_METADATA, "attach_metadata"),
    "bodySizeLimit": To(size),
    "selectorMechanism": Dropped("has no effect on which targets there are"),
}

SERVICE_MONITOR = block(
    {
        **_MONITOR,
        "serviceDiscoveryRole": To(lower, "discoveryRole"),
        "targetLabels": To(texts),
        "endpoints": To(
            listed(
                block(
                    {
                        **ENDPOINT,
                        "targetPort": To(number_or_text),
                        "bearerTokenFile": To(moved_path),
                        "tlsConfig": To(TLS_WITH_FILES),
                        "filterRunning": To(flag),
                    },
                    _running,
                )
            )
        ),
    },
    lambda spec: _spread("endpoints", spec),
)

POD_MONITOR = block(
    {
        **_MONITOR,
        "podMetricsEndpoints": To(
            listed(
                block(
                    {
                        **ENDPOINT,
                        "portNumber": To(number),
                        "targetPort": To(number_or_text),
                        "filterRunning": To(flag),
                    }
                )
            )
        ),
    },
    lambda spec: _spread("podMetricsEndpoints", spec),
)


def _params(reading: Reading, raw: Any, path: str) -> Any:
    """Makes query parameters of a list of names and values."""
    entries = _PARAMS(reading, raw, path)
    if reading.faults:
        return None
    made: dict[str, list[str]] = {}
    for entry in entries:
        if entry.get("name") and entry.get("values"):
            made.setdefault(entry["name"], []).extend(entry["values"])
    return made


def _ingress(reading: Reading, raw: Any, path: str) -> Any:
    """Makes the discovery of Ingresses."""
    made = _INGRESS(reading, raw, path)
    return [{"role": "ingress", **made}] if isinstance(made, dict) else None


def probe(reading: Reading, raw: Any, path: str) -> Any:
    """Makes a spec, and names the rules that a Prometheus applies after labels are set, and a VMProbe before."""
    made = _PROBE(reading, raw, path)
    if not reading.faults:
        late = {"instance", "__address__", *(("job",) if raw.get("jobName") else ())}
        targets = raw.get("targets") or {}
        for key in ("staticConfig", "ingress"):
            for index, rule in enumerate((targets.get(key) or {}).get("relabelingConfigs") or ()):
                if labels := sorted(late & {*(rule.get("sourceLabels") or ()), rule.get("targetLabel")}):
                    at = f"{path}.targets.{key}.relabelingConfigs[{index}]"
                    reading.lose(at, f"{', '.join(labels)} is set after the rules of a VMProbe", is_rule=True)
    return made


def _listed_targets(made: dict[str, Any]) -> dict[str, Any]:
    return {"targets": [], **made}


def _probed(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec whose proxy, which the source has at the prober, is where the target has it; without a prober none is named."""
    prober = {"url": "", **spec.get("vmProberSpec", {})}
    proxy = prober.pop("proxyURL", None)
    return {**spec, "vmProberSpec": prober, **({"proxyURL": proxy} if proxy else {})}


_PARAMS = listed(block({"name": To(text), "values": To(texts)}))
_INGRESS = block(
    {
        "selector": To(LABEL_SELECTOR),
        "namespaceSelector": To(NAMESPACE_SELECTOR),
        "relabelingConfigs": To(rules),
    }
)
_PROBE = block(
    {
        **LIMITS,
        **{key: rule for key, rule in SCRAPING.items() if key not in PROXY},
        "jobName": To(text),
        "module": To(text),
        "params": To(_params),
        "prober": To(block({"url": To(text), "scheme": To(lower), "path": To(text), **PROXY}), "vmProberSpec"),
        "targets": To(
            block(
                {
                    "staticConfig": To(
                        block(
                            {
                                "static": To(texts, "targets"),
                                "labels": To(texts_by_key),
                                "relabelingConfigs": To(rules),
                            },
                            _listed_targets,
                        ),
                        "static",
                    ),
                    "ingress": To(_ingress, "kubernetes"),
                }
            )
        ),
        "bearerTokenSecret": To(bearer_token),
        "metricRelabelings": To(rules, "metricRelabelConfigs"),
    },
    _probed,
)
