"""The reference: pages that are made from tables of the code."""

from collections.abc import Iterator

from test.controller.world import World
from test.website.kinds import Reference
from test.website.tables import anchor, code, prose, table
from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli.flags import FLAGS
from vmagent_operator.controller.engine.metrictable import TABLE
from vmagent_operator.controller.gauges import gauges
from vmagent_operator.settings import VARIABLES


def pages() -> Iterator[tuple[str, str]]:
    """Every page with its path."""
    yield "reference/index.md", _index()
    yield from Reference().pages()
    yield "reference/flags.md", _flags()
    yield "reference/environment.md", _environment()
    yield "reference/metrics.md", _metrics()


def _index() -> str:
    rows = (
        (f"[{kind.name}]({kind.singular}.md)", code(kind.short), prose((kind.spec_class.__doc__ or "").split("\n")[0]))
        for kind in KINDS
    )
    return INDEX.format(kinds=table("Kind, Short, Says", rows))


def _flags() -> str:
    rows = {
        has_effect: table(
            "Flag, Default, Meaning",
            (
                (anchor(flag.name, f"--{flag.name}"), code(flag.default), prose(flag.doc))
                for flag in FLAGS
                if flag.has_effect is has_effect
            ),
        )
        for has_effect in (True, False)
    }
    return f"{FLAGS_HEAD}{rows[True]}## Accepted without effect\n\n{rows[False]}"


def _environment() -> str:
    rows = ((anchor(each.name, each.name), code(each.default), prose(each.doc)) for each in VARIABLES)
    return ENVIRONMENT_HEAD + table("Variable, Default, Meaning", rows)


def _metrics() -> str:
    rows = [(name, type_.__name__.lower(), labels, text) for name, type_, labels, text in TABLE]
    rows += [(name, "gauge", labels, text) for name, text, labels, _ in gauges(World().system)]
    return METRICS_HEAD + table(
        "Metric, Type, Labels, Meaning",
        (
            (anchor(name, name), type_, ", ".join(map(code, labels)), prose(text))
            for name, type_, labels, text in sorted(rows)
        ),
    )


INDEX = """# Reference

Made from the tables of the program itself, so that it says what this version does.

## Kinds

{kinds}
Parts that several kinds share are [types of their own](types.md). `kubectl explain vmagent.spec` says the same in a terminal, and [editors](../pipelines.md) while
you type.

## The process

- [Command line](../cli.md), [flags](flags.md) and [environment variables](environment.md)
- [States and conditions](../status.md), [events](../events.md), [metrics](metrics.md)
- [Limits](../limits.md) on what others may write
"""
FLAGS_HEAD = """# Flags

Of the operator's process, as `vmagent-operator --help` lists them. One dash or two, `--name=value` or `--name value`. Names and defaults are those of the Go
operator where it has the flag. What each is good for: [Configuration](../configuration.md).

"""
ENVIRONMENT_HEAD = """# Environment variables

What the operator builds where an object is silent; `vmagent-operator --printDefaults` lists them with the values in effect. Names and defaults are those of the Go
operator. What each is good for: [Configuration](../configuration.md).

"""
METRICS_HEAD = """# Metrics

At `/metrics` of `--metrics-bind-address`. Names without `vmagent_operator_` are those of the Go operator and its libraries, so that dashboards and alerts for it work.
What to do when one of the alerts on them fires: [Runbooks](../runbooks.md).

"""
