"""What pages ask a reader to type: commands and manifests in fenced blocks, and commands within the text."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from attrs import frozen

from test.demo.examples import ROOT

PAGES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/**/*.md", "manifests/**/*.md")
GENERATED = ("docs/imports.md", "docs/limits.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`((?:kubectl|make|python|docker|pip) [^`]+)`")


@frozen
class Step:
    """Something to type: a command, or a manifest to save. `name` is its first line, or what the manifest holds."""

    name: str
    text: str
    is_manifest: bool = False
    wanted: str = ""

    @property
    def file(self) -> str:
        """What a manifest is saved as."""
        found = re.match(r"# ([\w.-]+\.yaml)\n", self.text)
        return found[1] if found else "manifest.yaml"


def pages() -> list[str]:
    """Every page that people write, as paths from the root."""
    found = sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})
    return [name for name in (str(path.relative_to(ROOT)) for path in found) if name not in GENERATED]


def steps(page: str) -> list[Step]:
    """What a page asks to type: its blocks in their order, then what stands in the text, each once."""
    text = (ROOT / page).read_text()
    found = [step for language, block in FENCE.findall(text) for step in _steps(language, block)]
    known = {step.text for step in found}
    inline = dict.fromkeys(command for command in INLINE.findall(FENCE.sub("", text)) if command not in known)
    return found + [Step(command, command) for command in inline]


def _steps(language: str, block: str) -> Iterator[Step]:
    if language == "console":
        yield from _commands(block)
    elif language == "yaml":
        heads = [
            (document["kind"], document.get("metadata", {}).get("name", "")) for document in yaml.safe_load_all(block)
        ]
        yield Step(", ".join(" ".join(head).strip() for head in heads), block, is_manifest=True)
    else:
        yield Step(block.strip().splitlines()[0].strip(), block)


def _commands(block: str) -> Iterator[Step]:
    """Each command, and what the page says that it prints; "" where it does not say."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = part.splitlines()
        while lines[0].endswith("\\"):
            lines[:2] = [lines[0].removesuffix("\\") + lines[1].strip()]
        command = re.split(r"\s+# ", lines[0])[0].strip()
        yield Step(command, command, wanted="\n".join(lines[1:]).strip())


def same(shown: str, wanted: str) -> bool:
    """Whether two outputs say the same, ages and the width of columns aside."""
    return _plain(shown) == _plain(wanted)


def _plain(text: str) -> list[str]:
    return [re.sub(r"\b\d+[smhd]\b", "AGE", " ".join(line.split())) for line in text.strip().splitlines()]


def save(step: Step, folder: Path) -> Path:
    """A manifest as a file."""
    path = folder / step.file
    path.write_text(step.text)
    return path
