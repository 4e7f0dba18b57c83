"""Variants of what an agent brings itself: raw jobs, relabeling and aggregation rules, destinations."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any
from unittest import mock

from attrs import define, field

from test.properties import sample
from test.properties.world import SETTINGS, manifest
from test.vmagent import variants
from test.vmagent.judge import Jobs, Judge
from vmagent_operator.api.aggregation import StreamAggrRule
from vmagent_operator.api.auth import BasicAuth, OAuth2
from vmagent_operator.api.kinds import VMAGENT, read
from vmagent_operator.api.objects import CustomObject
from vmagent_operator.api.relabel import RelabelConfig
from vmagent_operator.api.vmagent import RemoteWriteSettings, RemoteWriteSpec
from vmagent_operator.desired.around import rules as built_rules
from vmagent_operator.desired.vmagent import remotewrite, rules
from vmagent_operator.desired.vmagent.features import component, scrape_owner
from vmagent_operator.desired.workload.volumes import AGGREGATION_DIRECTORY
from vmagent_operator.scrape import extra
from vmagent_operator.scrape.errors import OwnerError
from vmagent_operator.scrape.references import Reference, SecretResolver, SecretSnapshot
from vmagent_operator.scrape.text import emit
from vmagent_operator.scrape.text.goyaml import load

SPECIAL_LABELS = (
    *("__scrape_interval__", "__scrape_timeout__", "__max_scrape_size__", "__series_limit__", "__sample_limit__"),
    *("__label_limit__", "__stream_parse__", "__tenant_id__", "__metrics_path__", "__param_x", "instance", "a"),
)
SPECIAL_VALUES = ("0s", "-5s", "0", "1ms", "1i", "x", "", "-1", "1:2", "true", "9" * 30)
_STARTED_SECONDS = 0.7
"""A vmagent that has not exited until then has read its flags and files, and opened its queues."""
INDIVIDUALLY = 10
"""Refused variants of a batch that are given to vmagent one by one: a process each."""
SECRETS = {"a": "one", "b": "two"}
NAMES = ("texts", "others")
Difference = tuple[str, Any, str]


@define
class Found:
    """What came of one sort of variants: place, value and message of each difference."""

    tried: int = 0
    accepted: int = 0
    refused: int = 0
    ours: list[Difference] = field(factory=list)
    theirs: list[Difference] = field(factory=list)


def agent(spec: Mapping[str, Any]) -> CustomObject[Any]:
    """A VMAgent with a destination, and `spec`."""
    return read(manifest(VMAGENT, {"remoteWrite": [{"url": "http://127.0.0.1:9/"}], **spec}))


def values(**texts: str) -> SecretSnapshot:
    """Secrets, and a ConfigMap `own` with `texts`."""
    secrets = {Reference(kind, "monitoring", name): SECRETS for kind in ("Secret", "ConfigMap") for name in NAMES}
    return SecretSnapshot(secrets | {Reference("ConfigMap", "monitoring", "own"): texts})


def raw_jobs(
    chosen: Random, bases: Sequence[Jobs]
) -> tuple[dict[int, Any], dict[int, Jobs], dict[int, Jobs], dict[int, str]]:
    """Jobs by number: what was tried, what the operator takes of it, what it leaves out, and why."""
    tried: dict[int, Any] = {}
    for jobs in bases:
        for job in load(jobs.text.decode())[:1]:
            changed = deepcopy(job)
            for _ in range(chosen.randint(1, 2)):
                _mutate(changed, chosen)
            if isinstance(changed.get("job_name"), str) and chosen.random() < 0.95:
                changed["job_name"] = f"raw{len(tried)}"
            tried[len(tried)] = changed
    taken: dict[int, Jobs] = {}
    refused: dict[int, Jobs] = {}
    why: dict[int, str] = {}
    names: set[str] = set()
    for number, job in tried.items():
        owner = scrape_owner(agent({"inlineScrapeConfig": emit.dump([job])}), SETTINGS)
        found, faults = extra.entries(owner, SecretResolver(values(), "monitoring"), lambda name: False)
        for entry in found:
            if entry.name not in names:  # two of a name are another matter
                taken[number] = Jobs(entry.text, (entry.name,))
            names.add(entry.name)
        if faults:
            text = emit.item(job).encode()
            refused[number], why[number] = Jobs(text, (str(job.get("job_name") or ""),)), "; ".join(faults)
    return tried, taken, refused, why


_KEYS: Mapping[str, Any] = {
    "basic_auth": {"username": "a", "password": "b"},
    "authorization": {"credentials": "a"},
    "bearer_token": "a",
    "bearer_token_file": "/a",
    "oauth2": {"client_id": "a", "client_secret": "b", "token_url": "http://a"},
    "tls_config": {"insecure_skip_verify": True, "min_version": "TLS12"},
    "headers": ["a: b"],
    "scheme": "https",
    "enable_compression": True,
    "label_limit": 5,
    "honor_timestamps": False,
    "linode_sd_configs": [{"port": 1, "region": "a"}],
    "gce_sd_configs": [{"project": "a", "zone": ["a", "b"]}],
    "ec2_sd_configs": [{"az_filters": [{"name": "a", "values": ["b"]}], "access_key": "a"}],
    "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": "/a", "namespaces": {"own_namespace": True}}],
    "metric_relabel_configs": [
        {"action": "keep", "if": ["up", 'a{b="c"}']},
        {"regex": ["a", "b"], "action": "labeldrop"},
    ],
    "series_limit": 1,
    "no_stale_markers": False,
    "unknown_key": 1,
}


def _mutate(job: dict[str, Any], chosen: Random) -> None:
    """Add a key, or change, take away or misspell something somewhere in a job."""
    if chosen.random() < 0.3:
        prefix = chosen.choice(("", "", "proxy_"))
        key = chosen.choice(list(_KEYS))
        job[prefix + key if key in list(_KEYS)[:7] else key] = deepcopy(_KEYS[key])
        return
    place: Any = job
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chosen.choice(keys)
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or chosen.random() < 0.2:
            break
        place = inner
    roll = chosen.random()
    if roll < 0.1:
        del place[key]
    elif roll < 0.2 and isinstance(place, dict):
        place[f"{key}x"] = place.pop(key)
    elif roll < 0.5:
        place[key] = variants.anything(chosen)
    else:
        name = {"if": "if_", "max_scrape_size": "max_scrape_size"}.get(str(key), str(key))
        place[key] = variants.text(name, chosen)


def _rule(cls: type, chosen: Random) -> dict[str, Any]:
    """A rule with some fields of `cls`."""
    entries = sample.entries(cls)
    picked = chosen.sample(entries, chosen.randint(1, min(5, len(entries))))
    found = {entry.slot.key: entry for entry in picked}  # one spelling of each
    return {entry.key: variants.value(entry, chosen) for entry in found.values()}


def _as_text(given: Any, chosen: Random) -> str:
    """A list with a rule as users write it into a ConfigMap."""
    text = emit.dump([given])
    return "".join(f"  {line}\n" for line in text.splitlines()) if chosen.random() < 0.2 else text


def relabelings(chosen: Random, judge: Judge, count: int) -> Found:
    """Rules for remote write, inline and in ConfigMaps."""
    found, taken, refused = Found(), {}, {}
    tried: dict[int, tuple[Any, str]] = {}
    for number in range(count):
        rule = _rule(RelabelConfig, chosen)
        is_inline = chosen.random() < 0.5
        raw = {_spelled(key): value for key, value in rule.items()}
        spec = {"inlineRelabelConfig": [rule]} if is_inline else {"relabelConfig": {"name": "own", "key": "rules"}}
        owner, content = agent(spec), values(rules=_as_text(raw, chosen))
        found.tried += 1
        if owner.spec is None:
            continue
        try:
            built = rules.relabeling(owner, component(owner, SETTINGS), content)
        except OwnerError as error:
            tried[number] = raw, str(error)
            job = {"job_name": str(number), "metric_relabel_configs": [raw]}
            refused[number] = Jobs(emit.item(job).encode(), (str(number),))
            continue
        if built and (text := built["data"].get(rules.GLOBAL_RELABELING)) and load(text):
            tried[number], taken[number] = (raw, ""), text
    found.accepted, found.refused = len(taken), len(refused)
    said = _judged(judge, taken, "-remoteWrite.relabelConfig")
    found.ours = [("relabeling", tried[number][0], why) for number, why in said.items()]
    judged = judge.each(refused)
    found.theirs = [("relabeling", *tried[number]) for number in refused.keys() - judged.keys()]
    return found


def _spelled(key: str) -> str:
    return {"sourceLabels": "source_labels", "targetLabel": "target_label"}.get(key, key)


def aggregations(chosen: Random, judge: Judge, count: int) -> Found:
    """Aggregation rules, inline and in ConfigMaps."""
    found, taken, refused = Found(), {}, {}
    tried: dict[int, tuple[Any, str]] = {}
    for number in range(count):
        rule = {"interval": chosen.choice(("1m", "30s", variants.duration(chosen))), "outputs": _outputs(chosen)}
        rule |= {key: value for key, value in _rule(StreamAggrRule, chosen).items() if chosen.random() < 0.7}
        is_inline = chosen.random() < 0.5
        block: dict[str, Any] = {"rules": [rule]} if is_inline else {"configmap": {"name": "own", "key": "rules"}}
        owner, content = agent({"streamAggrConfig": block}), values(rules=_as_text(rule, chosen))
        found.tried += 1
        if owner.spec is None:
            continue
        try:
            built = rules.aggregation(owner, component(owner, SETTINGS), content)
        except OwnerError as error:
            tried[number] = rule, str(error)
            refused[number] = emit.dump([rule])
            continue
        if built and (text := built["data"].get(rules.GLOBAL_AGGREGATION)) and load(text):
            tried[number], taken[number] = (rule, ""), text
    found.accepted, found.refused = len(taken), len(refused)
    said = _judged(judge, taken, "-streamAggr.config")
    found.ours = [("aggregation", tried[number][0], why) for number, why in said.items()]
    for number in list(refused)[:INDIVIDUALLY]:
        if (
            not _judged(judge, {number: refused[number]}, "-streamAggr.config")
            and "expected a list" not in tried[number][1]
        ):
            found.theirs.append(("aggregation", *tried[number]))
    return found


def _outputs(chosen: Random) -> list[str]:
    names = (
        "total",
        "last",
        "avg",
        "quantiles(0.5)",
        "quantiles(0.5, 0.9)",
        "histogram_bucket",
        "average",
        "quantiles()",
        "quantiles(2)",
        "quantiles(nan)",
        "quantiles(1_0)",
    )
    return chosen.choices(names, k=chosen.choice((1, 1, 1, 2, 0)))


def destinations(chosen: Random, judge: Judge, count: int) -> Found:
    """Remote write destinations, which a vmagent that starts takes or not."""
    found, taken, refused = Found(), {}, {}
    tried: dict[int, tuple[Any, str]] = {}
    for number in range(count):
        remote: dict[str, Any] = {"url": chosen.choice((f"http://127.0.0.1:9/{number}", variants.url(chosen)))}
        for entry in chosen.sample(sample.entries(RemoteWriteSpec), 2):
            if entry.key in (
                "url",
                "aws",
                "urlRelabelConfig",
                "inlineUrlRelabelConfig",
                "streamAggrConfig",
                "queues",
                "maxDiskUsage",
            ):
                continue
            remote[entry.key] = (
                sample.document(entry.shape.cls, full=False)
                if hasattr(entry.shape, "cls")
                else variants.value(entry, chosen)
            )
        if chosen.random() < 0.3:
            remote["basicAuth" if chosen.random() < 0.5 else "oauth2"] = sample.document(
                chosen.choice((BasicAuth, OAuth2)), full=True
            )
        owner = agent({"remoteWrite": [remote]})
        found.tried += 1
        if owner.spec is None:
            continue
        try:
            flags = remotewrite.arguments(owner, values())
        except OwnerError as error:
            tried[number] = remote, str(error)
            if (
                "$(" not in str(remote)
                and r"\x00" not in str(remote)
                and not any(word in str(error) for word in ("not found", "no key", "without a name"))
            ):
                refused[number] = remote
            continue
        tried[number], taken[number] = (remote, ""), flags
    found.accepted, found.refused = len(taken), len(refused)
    said = judge.guilty(list(taken), _starts(judge, {number: tried[number][0] for number in taken}))
    found.ours = [("destination", tried[number][0], why) for number, why in said.items()]
    for number in list(refused)[:INDIVIDUALLY]:
        if not _end(judge, {"remoteWrite": [refused[number]]}):
            found.theirs.append(("destination", *tried[number]))
    return found


def whole_agents(chosen: Random, judge: Judge, count: int) -> Found:
    """Agents with options of aggregation and settings of remote write; each needs a process of its own."""
    found = Found()
    for _ in range(count):
        rule = {
            "interval": chosen.choice(("1m", "30s")),
            "outputs": chosen.choice((["total"], ["last"], _outputs(chosen))),
            "keep_metric_names": chosen.random() < 0.3,
        }
        options = {
            "dedupInterval": chosen.choice(("10s", "7s", "10s", "15s", "2m", variants.duration(chosen))),
            "keepInput": chosen.random() < 0.5,
        }
        picked = chosen.sample(
            [entry for entry in sample.entries(RemoteWriteSettings) if entry.key != "tmpDataPath"], 2
        )
        settings = {entry.key: variants.value(entry, chosen) for entry in picked}
        if chosen.random() < 0.2:
            settings["flushInterval"] = variants.duration(chosen)
        spec = {"streamAggrConfig": {"rules": [rule], **options}, "remoteWriteSettings": settings}
        found.tried += 1
        if agent(spec).spec is None:
            continue
        try:
            remotewrite.arguments(agent(spec), values())
            rules.aggregation(agent(spec), component(agent(spec), SETTINGS), values())
            why = ""
        except OwnerError as error:
            why = str(error)
        found.accepted += not why
        found.refused += bool(why)
        died = _end(judge, spec)
        if died and not why:
            found.ours.append(("agent", spec, died))
        elif why and not died:
            found.theirs.append(("agent", spec, why))
    return found


def _starts(judge: Judge, remotes: Mapping[int, Any]) -> Callable[[Sequence[int]], str]:
    """How a vmagent with some of the destinations ends; empty if it goes on running."""
    return lambda numbers: _end(judge, {"remoteWrite": [remotes[number] for number in numbers]}) if numbers else ""


def _end(judge: Judge, spec: Mapping[str, Any]) -> str:
    """How a vmagent with the flags and aggregation rules of an agent ends, whatever we think of them; empty if it runs."""
    owner, content = agent(spec), values()
    with mock.patch.object(remotewrite, "refuse"), mock.patch.object(built_rules, "refuse"):
        flags = remotewrite.arguments(owner, content)
        built = rules.aggregation(owner, component(owner, SETTINGS), content)
    for key, text in (built["data"] if built else {}).items():
        (judge.folder / key).write_text(text)
    flags = [flag.replace(AGGREGATION_DIRECTORY, str(judge.folder)) for flag in flags if "tmpDataPath" not in flag]
    if any("\0" in flag or "$(" in flag for flag in flags):
        return ""  # no process can be started like that, or the kubelet has a say in it
    run = judge.running(_STARTED_SECONDS, *flags)
    return "" if run.code is None and not run.is_panic else run.log[-400:]


def _judged(judge: Judge, texts: Mapping[int, str], flag: str) -> dict[int, str]:
    """Which of the files' texts vmagent does not start with."""
    file = judge.folder / "rules.yaml"

    def dies(numbers: Sequence[int]) -> str:
        file.write_bytes(
            emit.dump([rule for number in numbers for rule in load(texts[number])]).encode(errors="replace")
        )
        if len(numbers) == 1:
            file.write_bytes(texts[numbers[0]].encode(errors="replace"))
        run = judge.dry_run(f"{flag}={file}")
        return "" if run.code == 0 else run.log[-400:]

    return judge.guilty(list(texts), dies) if texts else {}
