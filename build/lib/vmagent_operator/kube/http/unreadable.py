"""Why a kubeconfig cannot be used, in one line: the client library's words are for who reads its source."""

import re

import yaml

FAULTS = (
    (r"No configuration found", "there is no such file"),
    (r"file is empty", "the file is empty"),
    (r"Expected key current-context|object with name  ?in .*/contexts list", "it has no current context"),
    (r"object with name (\S+) in .*/(context|cluster|user)s list", r"it has no \2 \1"),
    (r"Expected key (\S+) in", r"it has no \1"),
)
"""The client library's message, and what it means; the first that fits."""
PREFIX = re.compile(r"^Invalid kube-config( file)?\. ")


def why(error: Exception) -> str:
    """What is wrong with a file, from what reading it has raised."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"it is no YAML: line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    if isinstance(error, AttributeError | KeyError | TypeError):
        return "it is no kubeconfig"
    text = str(error)
    found = ((re.search(pattern, text), meaning) for pattern, meaning in FAULTS)
    return next((match.expand(meaning) for match, meaning in found if match), " ".join(PREFIX.sub("", text).split()))
