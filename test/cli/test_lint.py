"""`lint`: what it finds, where, and in which form it says so."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from test.demo.examples import ROOT
from vmagent_operator.cli.commands import lint
from vmagent_operator.cli.main import main
from vmagent_operator.cli.reports import findings

CASES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
BAD = """\
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAgent
metadata: {name: main, namespace: mon}
spec:
  remoteWrite: [{url: "http://vm"}]
  selectAllByDefalt: 100%
"""
NOTE = "{apiVersion: operator.victoriametrics.com/v1beta1, kind: VMAlert, metadata: {name: a}}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_findings_have_their_place(case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(case["given"])
    code = lint.main(["-f", str(file), "-o", "json"], {})
    found = json.loads(capsys.readouterr().out)["findings"]
    keys = ("rule", "level", "line", "field", "message", "advice")
    shown = [[str(each[key]).replace(str(file), "FILE") for key in keys] for each in found]
    assert shown == [[str(value) for value in row] for row in case["want"]]
    assert code == case.get("code", 1)
    assert {each["file"] for each in found} <= {str(file)}


def test_people_read_it_in_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BAD)
    assert lint.main(["-f", str(file)], {}) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{file}:6: error: VMAgent mon/main",
        "  spec.selectAllByDefalt: no such field",
        "  did you mean selectAllByDefault?",
    ]
    assert err == "1 object in 1 file: 1 error\n"


def test_github_shows_it_beside_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a,b.yaml"
    file.write_text(BAD.replace("selectAllByDefalt: 100%", 'scrapeInterval: "100%"'))
    assert lint.main(["-f", str(file), "-o", "github"], {}) == 1
    place = f"file={str(file).replace(',', '%2C')},line=6,title=rejected"
    assert capsys.readouterr().out == (
        f"::error {place}::VMAgent mon/main: spec.scrapeInterval: '100%25' is no duration such as 30s or 1h30m; "
        "see kubectl explain vmagent.spec.scrapeInterval\n"
    )


def test_sarif_has_a_rule_for_each_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{BAD}---\n{NOTE}")
    assert lint.main(["-f", str(file), "-o", "sarif"], {}) == 1
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert log["version"] == "2.1.0"
    assert rules == list(findings.RULES)
    assert [(each["ruleId"], each["level"], rules[each["ruleIndex"]]) for each in run["results"]] == [
        ("unknown-field", "error", "unknown-field"),
        ("unknown-kind", "note", "unknown-kind"),
    ]
    (place,) = run["results"][0]["locations"]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": str(file)}, "region": {"startLine": 6}}


def test_notes_count_when_they_are_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, code in (([], 0), (["--strict"], 1)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(NOTE))
        assert lint.main(["-f", "-", *arguments], {}) == code
        out, err = capsys.readouterr()
        assert out.startswith("standard input:1: note: VMAlert a\n")
        assert err == "1 object in 1 file: 1 note\n"


def test_of_thousands_of_unknown_fields_some_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BAD.replace("  selectAllByDefalt: 100%\n", "".join(f"  x{n}: 1\n" for n in range(1000))))
    assert lint.main(["-f", str(file)], {}) == 1
    assert capsys.readouterr().err == "1 object in 1 file: 21 errors\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["-f", "nowhere.yaml"], {}, "nowhere.yaml: No such file or directory\n"),
        (["-f", "image"], {}, "image: is no UTF-8 text\n"),
        (["-f", "image"], {"VM_LOOPBACK": "", "WATCH_NAMESPACE": "A"}, "WATCH_NAMESPACE: 'A' is no namespace name\n"),
        ([], {}, "vmagent-operator lint: error: the following arguments are required: -f/--filename\n"),
        (["-f", "x", "-o", "xml"], {}, "invalid choice: 'xml' (choose from text, json, github, sarif)\n"),
    ],
)
def test_what_cannot_be_looked_at_is_code_2(
    arguments: list[str],
    environ: dict[str, str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "image").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(tmp_path)
    assert lint.main(arguments, environ) == 2
    out, err = capsys.readouterr()
    assert (out, err.replace("'text', 'json', 'github', 'sarif'", "text, json, github, sarif")[-len(message) :]) == (
        "",
        message,
    )


def test_nothing_is_wrong_with_our_own_examples(capsys: pytest.CaptureFixture[str]) -> None:
    examples = ROOT / "manifests/examples"
    for file in sorted(examples.glob("*.yaml")):
        assert lint.main(["-f", str(file), "-o", "json"], {}) == 0, capsys.readouterr().out


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HEAD = "apiVersion: v1\nkind: {}\nmetadata: {{name: a, namespace: {}}}\n"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (HEAD.format("Secret", "b") + "stringData: {k: 5}\ndata: [2]\n", 0, ""),
        (HEAD.format("ConfigMap", "b") + "data: {k: 5}\n", 0, ""),
        (HEAD.format("Namespace", "null") + "  # labels\n", 0, ""),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: 5}\n", 0, ""),
        (HEAD.format("Secret", "5"), 1, "the namespace of Secret a is no text"),
        (HEAD.format("Secret", "[x]"), 1, "the namespace of Secret a is no text"),
        (HEAD.format("Secret", "b") + BOMB, 1, "values in a document, aliases followed"),
        ('{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "\\ud800", "namespace": 5}}', 1, "ud800"),
    ],
    ids=["numbers", "a number", "null", "labels", "namespace", "list", "aliases", "half a pair"],
)
def test_odd_input_is_told_or_passed_over(
    text: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(text)
    assert main(["lint", "-f", str(file)]) == code
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize("path", ["", "\0", "absent.yaml"])
def test_a_path_that_leads_nowhere_is_code_2(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "-f", path]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_names_the_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder.yaml").mkdir()
    assert main(["lint", "-f", str(tmp_path)]) == 0
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert main(["lint", "-f", str(tmp_path)]) == 2
    assert f"{tmp_path / 'binary.yaml'}: is no UTF-8 text" in capsys.readouterr().err
