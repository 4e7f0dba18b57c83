"""What mkdocs asks for: pages that stand elsewhere in the repository or are made from tables, and links that lead there.

Every page is read on two sites: in the repository and on the built one. So its links are those of the repository, and here
each becomes one to the page that stands for the file, or to the file in the repository where there is none.
"""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from test.website import reference
from vmagent_operator.cli.commands import crds

ROOT = Path(__file__).parent.parent.parent
ELSEWHERE: Mapping[str, str] = {
    "tutorial.md": "README.md",
    "comparison.md": "README.md",
    "install.md": "manifests/README.md",
    "chart.md": "manifests/chart/README.md",
    "monitoring.md": "manifests/monitoring/README.md",
    "security.md": "SECURITY.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages whose text stands elsewhere than in docs/, with the file."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "tutorial.md": ("Try it: two commands", "A first VMAgent in five minutes"),
    "comparison.md": ("Compared with the Go operator",),
}
"""The sections of its file of which a page is made, where that is not all."""
STANDS_FOR = {path: uri for uri, path in ELSEWHERE.items() if uri not in PARTS} | {"README.md": "tutorial.md"}
LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """All pages."""
    made = {uri: _text(uri) for uri in ELSEWHERE} | dict(reference.pages())
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text of a page with links that lead somewhere."""
    uri = page.file.src_uri
    path = ELSEWHERE.get(uri, f"docs/{uri}")
    return LINK.sub(lambda link: _target(link[1], uri, path, config, files), markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """JSON schemas beside the pages, for editors that fetch them."""
    crds.main(["--format=jsonschema", f"--output={config.site_dir}/schemas"], {})


def _text(uri: str) -> str:
    text = (ROOT / ELSEWHERE[uri]).read_text("utf-8")
    if uri not in PARTS:
        return text
    sections = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.M)}
    title = f"# {uri.removesuffix('.md').capitalize()}\n\n" if len(PARTS[uri]) > 1 else ""
    text = title + "".join(f"## {sections[each]}" for each in PARTS[uri])
    return text if title else text.removeprefix("#")


def _target(link: str, uri: str, path: str, config: MkDocsConfig, files: Files) -> str:
    """What a link on page `uri`, of the file `path`, leads to."""
    if link.startswith(str(config.site_url)):
        page = link.removeprefix(str(config.site_url)).strip("/")
        page = f"{page}.md" if files.get_file_from_path(f"{page}.md") else f"{page}/index.md"
        return posixpath.relpath(page, posixpath.dirname(uri) or ".")
    if "://" in link:
        return link
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    for each in (target, f"{target}/README.md"):
        page = STANDS_FOR.get(each, each.removeprefix("docs/"))
        file = files.get_file_from_path(page)
        if file and file.inclusion is not InclusionLevel.EXCLUDED and (each in STANDS_FOR or each.startswith("docs/")):
            return posixpath.relpath(page, posixpath.dirname(uri) or ".")
    return f"{config.extra['repository']}/blob/main/{target}" if (ROOT / target).exists() else link
