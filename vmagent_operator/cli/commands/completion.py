"""`completion`: scripts by which shells complete what is typed, and the words that they ask for."""

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence

from vmagent_operator.api.kinds import KINDS
from vmagent_operator.cli import flags, options
from vmagent_operator.cli import main as commands
from vmagent_operator.identity import OPERATOR

SCRIPTS: Mapping[str, str] = {
    "bash": """\
# bash completion for NAME; load it with: source <(NAME completion bash)
_FUNCTION() {
  local IFS=$'\\n'
  COMPREPLY=($(NAME __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace
  return 0
}
complete -o default -F _FUNCTION NAME
""",
    "zsh": """\
#compdef NAME
# zsh completion for NAME; load it with: source <(NAME completion zsh)
_FUNCTION() {
  local -a found
  found=("${(@f)$(NAME __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then
    compadd -S "${${found[1]:#*/}:+ }" -a found
  else
    _files
  fi
}
compdef _FUNCTION NAME
""",
    "fish": """\
# fish completion for NAME; load it with: NAME completion fish | source
function _FUNCTION
  set -l words (commandline -opc) (commandline -ct)
  NAME __complete $words[2..-1] 2>/dev/null
end
complete -c NAME -a '(_FUNCTION)'
""",
}
"""By shell; NAME is what is completed."""
EPILOG = """\
examples:
  source <(vmagent-operator completion bash)
  vmagent-operator completion fish | source

`kubectl vmagent` is completed by kubectl itself, which finds
kubectl_complete-vmagent on the PATH.
"""


@options.ending
def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print the script for the shell that `arguments` name."""
    shell = parser().parse_args(arguments).shell
    name = OPERATOR
    print(SCRIPTS[shell].replace("FUNCTION", name.replace("-", "_")).replace("NAME", name), end="")
    return 0


def complete(words: list[str], environ: Mapping[str, str]) -> int:
    """Print what the last of `words` may become, a word a line; nothing where that may be a file."""
    sys.stdout.write("".join(f"{word}\n" for word in candidates(words or [""]) if word.startswith((words or [""])[-1])))
    return 0


def candidates(words: Sequence[str]) -> Iterator[str]:
    """Everything that may stand at the place of the last of `words`."""
    *before, current = words
    if not before or before[0] not in commands.COMMANDS or before[0] == "run":
        is_first = not before and not current.startswith("-")
        yield from commands.COMMANDS if is_first else _flags(before)
        return
    command = importlib.import_module(commands.COMMANDS[before[0]].module).parser()
    taking = {name: action for action in command._actions for name in action.option_strings if action.nargs != 0}
    if len(before) > 1 and before[-1] in taking:
        yield from map(str, taking[before[-1]].choices or ())
    elif current.startswith("-"):
        yield from (name for action in command._actions for name in action.option_strings if name.startswith("--"))
    elif before == ["help"]:
        yield from commands.COMMANDS
    elif before[0] == "explain" and not [word for word in before[1:] if "/" in word]:
        yield from (f"{kind.singular}/" for kind in KINDS)
    else:
        yield from (
            str(each) for action in command._actions if not action.option_strings for each in action.choices or ()
        )


def _flags(before: Sequence[str]) -> Iterator[str]:
    """The flags of the operator; nothing behind one that takes a value."""
    flag = flags.BY_NAME.get(before[-1].lstrip("-")) if before and before[-1].startswith("-") else None
    if flag is None or flag.is_boolean:
        yield from (f"--{each.name}" for each in flags.FLAGS if each.has_effect)
        yield "--help"


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = options.parser("completion", "Print a script by which a shell completes commands and options.", EPILOG)
    made.add_argument("shell", choices=tuple(SCRIPTS), help="the shell")
    return made
