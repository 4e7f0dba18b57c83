"""Array flags, as joined by us and as read by vmagent."""

import ast
import re
import subprocess
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.controlplane.binaries import Unavailable, victoria
from test.pace import slowness
from vmagent_operator.desired import args

NASTY: tuple[tuple[Sequence[str], str], ...] = (
    (["a,b", "c"], '"a,b",c'),
    (["it's", "x's"], '''"it's","x's"'''),
    (["it's", "x"], "it's,x"),
    (["a(b", "c)d"], '"a(b",c)d'),
    (["a(b)", "c"], "a(b),c"),
    (["X: {'}',a}", "b"], "X: {'}',a},b"),
    (['say "a, b"', "c"], 'say "a, b",c'),
    (['"'], r'"\""'),
    (["\\", '\\",'], r'\,"\\\","'),
    (["\n,", "é,ü", "\x01,"], r'"\n,","é,ü","\x01,"'),
    (["", "a, b", ""], ',"a, b",'),
    ([""], ""),
    (["[a)", "b]"], "[a),b]"),
    (["a)", "(b"], "a),(b"),
)


@pytest.mark.parametrize(("values", "text"), NASTY, ids=[text for _, text in NASTY])
def test_values_stand_as_they_are_unless_vmagent_would_read_others(values: Sequence[str], text: str) -> None:
    assert args.join(values) == text


def test_what_the_user_has_quoted_is_not_quoted_again() -> None:
    assert args.join(['"X: a,b"', "c"]) == '"X: a,b",c'
    assert args.join(['"X: a,b"', "c,d"]) == '"X: a,b","c,d"'


@given(st.lists(st.text(st.sampled_from("ab ,'\"[](){}\\\n"), max_size=6), min_size=1, max_size=4))
def test_there_are_as_many_items_as_values(values: list[str]) -> None:
    assert len(args.items(args.join(values))) == len(values)


def test_bytes_that_are_no_text_are_written_as_such() -> None:
    assert args.quote(b"p\xff\xc3\xa9\x7f".decode("utf-8", "surrogateescape")) == r'"p\xffé\x7f"'
    assert args.quote("\u200b\U000e0001") == r'"\u200b\U000e0001"'


def test_extra_arguments_replace_those_of_their_name() -> None:
    generated = ["-remoteWrite.url=a", "-enableTCP6", "--graphiteListenAddr=:1", "-tls"]
    extra = {"remoteWrite.url": "b", "enableTCP6": "false", "graphiteListenAddr": ":2", "rule": "/{a,b}"}
    assert args.override(generated, extra) == [
        "-tls",
        "-enableTCP6=false",
        "-graphiteListenAddr=:2",
        "-remoteWrite.url=b",
        '-rule="/{a,b}"',
    ]


@pytest.mark.parametrize("piece", ["(", "\\'", "'\\'", "([{", "()", '"'])
def test_nesting_costs_no_more_than_its_length(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.process_time()
    assert args.items(f"{text},") != []
    assert time.process_time() - started < 2 * slowness()  # a second look at each part would take minutes


@pytest.mark.vmagent
def test_vmagent_reads_the_values_that_were_joined() -> None:
    try:
        vmagent = victoria("vmagent")
    except Unavailable as reason:
        pytest.skip(str(reason))
    for values, text in NASTY:
        urls = ",".join(["http://a"] * len(values))
        command = [str(vmagent), "-dryRun", f"-remoteWrite.url={urls}", f"-remoteWrite.tlsServerName={text}"]
        log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        logged = re.search(r'-remoteWrite.tlsServerName=(".*")\n', log)
        wanted = [args.quote(value) if re.search("[,'\"{\\[(\n]", value) else value for value in values]
        assert ast.literal_eval(logged[1] if logged else '""') == ",".join(wanted)
