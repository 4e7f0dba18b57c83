"""`render`: files in, objects and exit code out."""

import base64
import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmagent_operator.cli import manifests
from vmagent_operator.cli.commands import render
from vmagent_operator.cli.main import main
from vmagent_operator.limits import INFLATED_BYTES

AGENT = """
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAgent
metadata: {name: NAME, namespace: mon}
spec:
  remoteWrite: [{url: http://vm, bearerTokenSecret: {name: token, key: t}}]
"""
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: token, namespace: mon}, data: {t: czNjcmV0}}"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(AGENT.replace("NAME", "one") + "---\n" + SECRET)
    return tmp_path


def run(*arguments: str, **environ: str) -> int:
    return render.main([*arguments], environ)


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_a_directory_is_rendered_in_order(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given / "notes.txt").write_text("not read")
    assert run("-f", str(given), "--decode-secrets") == 0
    shown = documents(capsys.readouterr().out)
    keys = [(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in shown]
    assert keys == sorted(keys)
    secret = shown[keys.index(("Secret", "mon", "vmagent-one"))]
    assert secret["decoded"]["mon_token_t"] == "s3cret"
    assert secret["decoded"]["vmagent.yaml.gz"].startswith("global:\n")
    agent = shown[keys.index(("VMAgent", "mon", "one"))]
    assert agent["metadata"]["finalizers"] == ["apps.victoriametrics.com/finalizer"]
    assert agent["status"]["updateStatus"] == "operational"
    assert "spec" not in agent


def test_without_decoding_secrets_stay_as_they_are_applied(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-f", str(given)) == 0
    secrets = [obj for obj in documents(capsys.readouterr().out) if obj["kind"] == "Secret"]
    assert [sorted(obj.get("data", {})) for obj in secrets] == [[], ["mon_token_t", "vmagent.yaml.gz"]]


def test_json_holds_the_same_objects(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("-f", str(given / "a.yaml"))
    shown = documents(capsys.readouterr().out)
    assert run("-f", str(given / "a.yaml"), "-o", "json") == 0
    listed = json.loads(capsys.readouterr().out)["items"]
    assert [obj["metadata"]["name"] for obj in listed] == [obj["metadata"]["name"] for obj in shown]


def test_lists_and_standard_input_are_read(
    given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [yaml.safe_load(AGENT.replace("NAME", "two")), yaml.safe_load(SECRET)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert run("-f", "-") == 0
    assert "name: vmagent-two" in capsys.readouterr().out


def test_a_misspelled_field_is_named(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given / "a.yaml").write_text(
        AGENT.replace("NAME", "one").replace("url: http://vm,", "url: http://vm, urll: x,") + "---\n" + SECRET
    )
    assert run("-f", str(given)) == 0
    assert capsys.readouterr().err == (
        f"{given}/a.yaml:6: error: VMAgent mon/one\n  spec.remoteWrite[0].urll: no such field\n  did you mean url?\n"
    )


def test_a_misspelled_kind_and_a_doubt_are_told_beside_what_is_rendered(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (given / "a.yaml").write_text(
        AGENT.replace("NAME", "one").replace(
            "spec:", "spec:\n  podScrapeRelabelTemplate: [{action: kepp, sourceLabels: [a]}]"
        )
        + f"---\n{SECRET}\n---"
        + AGENT.replace("VMAgent", "VMAgnet")
    )
    assert run("-f", str(given)) == 0
    out, err = capsys.readouterr()
    assert "kind: Deployment" in out
    assert [line for line in err.splitlines() if not line.startswith(" ")] == [
        f"{given}/a.yaml:6: warning: VMAgent mon/one",
        f"{given}/a.yaml:12: error: VMAgnet mon/NAME",
    ]
    assert "did you mean VMAgent?" in err


def test_an_agent_that_fails_stops_no_other(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given / "b.yaml").write_text(AGENT.replace("NAME", "two").replace("key: t", "key: gone"))
    (given / "c.yaml").write_text(AGENT.replace("NAME", "three").replace("[{", "{").replace("}]", "}"))
    assert run("-f", str(given)) == 1
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"{given}/b.yaml:6: error: VMAgent mon/two",
        '  spec.remoteWrite[0].bearerTokenSecret: secret mon/token has no key "gone"',
        f"{given}/c.yaml:6: error: VMAgent mon/three",
        "  spec.remoteWrite: expected array, got object",
        "  see kubectl explain vmagent.spec.remoteWrite",
    ]
    shown = documents(out)
    states = {obj["metadata"]["name"]: obj["status"]["updateStatus"] for obj in shown if obj["kind"] == "VMAgent"}
    assert states == {"one": "operational", "two": "failed", "three": "failed"}
    assert [obj["metadata"]["name"] for obj in shown if obj["kind"] == "Deployment"] == ["vmagent-one"]


def test_the_scrape_object_of_an_agent_that_fails_is_seen_by_none(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = AGENT.replace("NAME", "all").replace("spec:", "spec:\n  selectAllByDefault: true")
    agents += "---" + AGENT.replace("NAME", "bad").replace("key: t", "key: gone")
    (given / "b.yaml").write_text(agents)
    assert run("-f", str(given), "--decode-secrets") == 1
    shown = {(obj["kind"], obj["metadata"]["name"]): obj for obj in documents(capsys.readouterr().out)}
    text = shown["Secret", "vmagent-all"]["decoded"]["vmagent.yaml.gz"]
    assert "serviceScrape/mon/vmagent-one/0" in text
    assert "serviceScrape/mon/vmagent-all/0" in text
    assert "vmagent-bad" not in text


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (("-f", "nowhere.yaml"), {}, "nowhere.yaml: No such file or directory"),
        (("-f", "broken.yaml"), {}, "broken.yaml:1: "),
        (("-f", "bare.yaml"), {}, "bare.yaml:1: a document is no Kubernetes object"),
        (("-f", "a.yaml"), {"WATCH_NAMESPACE": "A"}, "WATCH_NAMESPACE: 'A' is no namespace name"),
        ((), {}, "usage:"),
        (("-f", "a.yaml", "--kubernetes-version", "new"), {}, "usage:"),
    ],
)
def test_unusable_arguments(
    given: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    message: str,
) -> None:
    (given / "broken.yaml").write_text("a: [")
    (given / "bare.yaml").write_text("a: 1")
    monkeypatch.chdir(given)
    assert run(*arguments, **environ) == 2
    out, err = capsys.readouterr()
    assert (out, err[: len(message)]) == ("", message)


def test_the_version_of_the_server_counts(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("-f", str(given))
    assert "preStop" in capsys.readouterr().out
    run("-f", str(given), "--kubernetes-version", "v1.29.3")
    assert "preStop" not in capsys.readouterr().out


def test_an_unknown_subcommand_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rendre"]) == 2
    assert "rendre" in capsys.readouterr().err


def test_no_client_library_is_loaded() -> None:
    code = "import sys, vmagent_operator.cli.commands.render; print({'kubernetes', 'urllib3'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def secret(content: bytes) -> dict[str, Any]:
    """A Secret with one key."""
    return {"kind": "Secret", "data": {"k": base64.b64encode(content).decode()}}


def test_what_only_looks_like_gzip_is_shown_as_it_is() -> None:
    for content in (b"\x1f\x8bno gzip", b"\x1f\x8b", gzip.compress(b"text")[:-4]):
        assert render.decoded(secret(content))["decoded"]["k"] == content.decode("utf-8", "replace")
    assert render.decoded(secret(gzip.compress(b"text")))["decoded"]["k"] == "text"


def test_a_secret_is_unpacked_as_far_as_it_is_worth_looking_at() -> None:
    bomb = gzip.compress(bytes(INFLATED_BYTES + 1), 9)
    said = render.decoded(secret(bomb))["decoded"]["k"]
    assert said == f"more than {INFLATED_BYTES} bytes (limit INFLATED_BYTES)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 200 + "]" * 200, "more than 100 levels (limit YAML_NESTING)"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", "more than 100 levels (limit YAML_NESTING)"),
        ("a: " + "9" * 5000, "Exceeds the limit"),
    ],
)
def test_files_that_cannot_be_held_are_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.yaml").write_text(text)
    assert run("-f", str(tmp_path / "x.yaml")) == 2
    assert said in capsys.readouterr().err


def test_json_is_read_as_yaml_would_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = yaml.safe_load(AGENT)
    shown = []
    for text in (json.dumps(document), yaml.safe_dump(document), yaml.safe_dump(document, default_flow_style=True)):
        (tmp_path / "x.yaml").write_text(text)
        code, (out, err) = run("-f", str(tmp_path / "x.yaml")), capsys.readouterr()
        shown.append((code, re.sub(r"'[\d:TZ-]+'", "TIME", out), re.sub(r":\d+:", ":LINE:", err)))
    assert shown[0] == shown[1] == shown[2]


def test_keys_are_texts(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = {"on": "a", "80": "b", "no": "c", "null": "d"}
    (given / "a.yaml").write_text(
        AGENT.replace("NAME", "one").replace(
            "spec:", "spec:\n  managedMetadata: {labels: {on: a, 80: b, no: c, null: d}}"
        )
        + "---\n"
        + SECRET
    )
    assert run("-f", str(given)) == 0
    service = next(obj for obj in documents(capsys.readouterr().out) if obj["kind"] == "Service")
    shown = {str(key).lower(): value for key, value in service["metadata"]["labels"].items()}
    assert labels.items() <= shown.items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SECRET.replace("data:", "kind: Secret, data:"),
            "1: key 'kind' is given twice",
        ),
        (json.dumps({"kind": "Secret"}).replace("}", ', "kind": "Secret"}'), "1: key 'kind' is given twice"),
    ],
)
def test_a_key_that_is_given_twice_is_told(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert run("-f", str(tmp_path)) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'a.yaml'}:{message}")


def test_merged_mappings_may_have_the_same_keys(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = "{first: &a {p: '1', q: '2'}, second: &b {<<: *a, q: '3'}, third: {<<: *b, p: '4'}}"
    (given / "a.yaml").write_text(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {labels}}}")
    assert run("-f", str(given)) == 0


def test_a_namespace_of_null_is_the_default_one(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given / "a.yaml").write_text(
        AGENT.replace("NAME", "one").replace("namespace: mon", "namespace: null")
        + "---\n"
        + SECRET.replace("mon", "null")
    )
    assert run("-f", str(given)) == 0
    assert "namespace: default" in capsys.readouterr().out


def test_a_secret_that_is_no_base64_stops_only_who_refers_to_it(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encrypted = "---\n{apiVersion: v1, kind: Secret, metadata: {name: other, namespace: mon}, data: {t: 'ENC[x]', n: 5, z: null}}"
    (given / "b.yaml").write_text(encrypted)
    assert run("-f", str(given)) == 0
    (given / "c.yaml").write_text(AGENT.replace("NAME", "two").replace("name: token", "name: other"))
    assert run("-f", str(given)) == 1
    assert 'secret mon/other has no key "t"' in capsys.readouterr().err


def test_an_agent_that_is_not_watched_leads_to_nothing(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-f", str(given), WATCH_NAMESPACE="elsewhere") == 0
    assert documents(capsys.readouterr().out) in ([], [None])


def test_a_folder_of_gitops_is_rendered(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {
        "kustomization.yaml": "resources: [a.yaml]",
        "kustomize.yaml": "{apiVersion: kustomize.config.k8s.io/v1alpha1, kind: Component}",
        "nameless.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-}}",
        "values.yaml": "image: {tag: v1}",
    }.items():
        (given / name).write_text(text)
    assert run("-f", str(given)) == 0
    out, err = capsys.readouterr()
    assert "vmagent-one" in out
    assert err.splitlines() == [
        f"{given / 'nameless.yaml'}:1: note: an object of kind ConfigMap has no name: passed over",
        f"{given / 'values.yaml'}:1: note: a document is no Kubernetes object: passed over",
    ]


def test_a_kustomization_is_passed_over_wherever_it_stands(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given / "k.yaml").write_text("{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}")
    assert run("-f", str(given / "a.yaml"), "-f", str(given / "k.yaml")) == 0
    assert capsys.readouterr().err == ""


def test_kinds_of_another_group_are_none_of_ours(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    knative = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: vmagent-one, namespace: mon}}"
    other = AGENT.replace("NAME", "two").replace("operator.victoria", "victoria")
    (given / "b.yaml").write_text(knative + "\n---" + other)
    assert run("-f", str(given)) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"{given}/b.yaml:3: error: VMAgent mon/two",
        "  apiVersion: there is no VMAgent of victoriametrics.com/v1beta1",
        "  write operator.victoriametrics.com/v1beta1",
    ]
    services = [obj["metadata"]["name"] for obj in documents(out) if obj["kind"] == "Service"]
    assert services == ["vmagent-one"]
    assert "vmagent-two" not in out


def test_an_anchor_may_be_used_twice(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = "{first: &a {on: '1'}, second: *a, third: &a {on: '2'}, fourth: *a}"
    (given / "a.yaml").write_text(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {labels}}}")
    (read,) = manifests.read([str(given)])
    assert [read["data"][key]["on"] for key in ("first", "second", "third", "fourth")] == ["1", "1", "2", "2"]
    (given / "a.yaml").write_text("a: *nothing")
    assert run("-f", str(given)) == 2
    assert "found undefined alias" in capsys.readouterr().err
