"""Which small breakages no test notices: `python -m test.mutants --module 'kube/queue.py'`, or `make mutants`.

A mutant is a module with one thing changed: a comparison turned, a condition forced, a call dropped, a constant moved. The
module's mirror folder under `test/` is run once to learn which test runs which line, then each mutant is put to the tests
that run its line, in a copy of the repository. Whoever survives is printed, unless `equivalent_mutants.txt` says why it
cannot be noticed. `test.tracing` is the pytest plugin that does the one and the other.
"""

import argparse
import ast
import fnmatch
import hashlib
import importlib.util
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

from attrs import frozen

from test.tracing import PACKAGE, SELECT, TRACE

ROOT = Path(__file__).parent.parent
EQUIVALENT = Path(__file__).parent / "equivalent_mutants.txt"
CACHE = ROOT / ".cache" / "mutants"  # which tests run which lines, of each state of the repository
SHARE = 0.9
FEWEST = 10
"""Fewer mutants say nothing of a module, and one survivor among them no more than any other."""
COPIED = ("vmagent_operator", "test", "docs", "manifests", "setup.cfg", "pyproject.toml")
MARKERS = "not cluster and not vmagent and not slow"
SLOWEST_SECONDS = 10.0
"""Besides twice the time of an unbroken run: a mutant that takes longer goes round in circles, and has been noticed."""
TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
LIBRARY_SWITCHES = frozenset({"eq", "init", "kw_only", "repr", "slots", "daemon", "strict", "ensure_ascii"})


@frozen
class Mutant:
    """`before` at that place of the module is `after`; `where` is the function or class around it."""

    path: str
    where: str
    line: int
    column: int
    end_line: int
    end_column: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What `equivalent_mutants.txt` calls it: no line number, which every edit would move."""
        return f"{self.path} {self.where}: {self.before} -> {self.after}"

    def applied(self, text: str) -> str:
        """The module with this change."""
        lines = text.encode().splitlines(keepends=True)
        head = b"".join((*lines[: self.line - 1], lines[self.line - 1][: self.column]))
        tail = b"".join((lines[self.end_line - 1][self.end_column :], *lines[self.end_line :]))
        return (head + self.after.encode() + tail).decode()


def mutants(path: str, text: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    return [
        Mutant(path, where, node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0,
               " ".join((ast.get_source_segment(text, node) or "").split()), after)
        for node, where in _nodes(ast.parse(text), "module")
        for after in _changes(node)
    ]  # fmt: skip


def _nodes(node: ast.AST, where: str) -> Iterator[tuple[Any, str]]:
    """What may be changed, each with the name of what is around it."""
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in field if isinstance(field, list) else [field]:
            if not isinstance(child, ast.AST) or _is_exempt(child):
                continue
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            below = f"{where}.{getattr(child, 'name', '')}".removeprefix("module.") if named else where
            if name == "test" and not isinstance(node, ast.Assert):
                yield _Condition(child, isinstance(node, ast.While)), below
            if name == "ifs":
                yield _Condition(child, False), below
            yield child, below
            yield from _nodes(child, below)


class _Condition:
    """An expression that decides, as a node of its own."""

    def __init__(self, node: Any, is_loop: bool) -> None:
        self.node, self.is_loop = node, is_loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)


def _is_exempt(node: ast.AST) -> bool:
    """Log lines, messages, switches of libraries, type variables and assertions: nobody promises anything about them."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith("logger.")
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("TypeVar", "logging.getLogger")
    return isinstance(node, ast.Assert | ast.JoinedStr) or (
        isinstance(node, ast.keyword) and node.arg in LIBRARY_SWITCHES
    )


def _changes(node: Any) -> Iterator[str]:
    if isinstance(node, _Condition):
        yield from ("False",) if node.is_loop else ("True", "False")
    elif isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            operators = [*node.ops[:number], TURNED[type(operator)](), *node.ops[number + 1 :]]
            yield ast.unparse(ast.Compare(node.left, operators, node.comparators))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"({ast.unparse(ast.BoolOp(other, node.values))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"bool({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "pass"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield repr(not node.value if isinstance(node.value, bool) else node.value * 2 + 1)


def _pytest(root: Path, seconds: float | None, *arguments: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "test.tracing", "-p", "no:cacheprovider",
               "--hypothesis-seed=0", "-m", MARKERS, *arguments]  # fmt: skip
    environ = {**os.environ, **environment}
    with subprocess.Popen(
        command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return -1
        if process.returncode not in (0, 1) or TRACE in environment:
            sys.stderr.write("" if process.returncode == 0 else output.decode())
        return process.returncode


@frozen
class Coverage:
    """Which tests of a folder run which line of the package, and how long each takes."""

    tests: Mapping[tuple[str, int], frozenset[str]]
    seconds: Mapping[str, float]

    def of(self, mutant: Mutant) -> frozenset[str]:
        """The tests that run the mutant's lines; all of them for what runs at import alone, such as tables and defaults."""
        lines = range(mutant.line, mutant.end_line + 1)
        tests = frozenset[str]().union(*(self.tests.get((mutant.path, line), ()) for line in lines))
        return tests or frozenset(self.seconds)

    def order(self, tests: frozenset[str], seconds: float, own: str = "") -> list[str]:
        """So many seconds of `tests`, one at least: the quickest of each file in turn, for each file tries something else.

        Those of the file called `own`, which is about the module itself, stand among the first.
        """
        files, turns = Counter[str](), dict[str, int]()
        for test in sorted(tests, key=lambda test: (self.seconds[test], test)):
            file = test.partition("::")[0]
            turns[test] = 0 if Path(file).name == own else files[file]
            files[file] += 1
        names = sorted(turns, key=lambda test: (turns[test], self.seconds[test]))
        ends = accumulate(self.seconds[name] for name in names)
        return [name for name, end in zip(names, ends, strict=True) if end <= seconds or name == names[0]]


def coverage(root: Path, folder: str) -> Coverage:
    """Run a folder of tests as it is, once for each state of the repository. Raises SystemExit if it fails."""
    files = sorted(file for each in (PACKAGE.name, "test") for file in (root / each).rglob("*.[py]*"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file.suffix in (".py", ".yaml")))
    kept = CACHE / f"{digest.hexdigest()[:16]}-{folder.replace('/', '-')}.jsonl"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as place:
            if _pytest(root, None, folder, **{TRACE: f"{place}/lines"}):
                raise SystemExit(f"{folder} fails without any mutant")
            Path(place, "lines").rename(kept)
    tests, seconds = defaultdict[tuple[str, int], set[str]](set), dict[str, float]()
    for line in kept.read_text().splitlines():
        test, seconds[test], places = json.loads(line)
        for path, number in places:
            tests[path, number].add(test)
    return Coverage({place: frozenset(names) for place, names in tests.items()}, seconds)


def is_noticed(root: Path, mutant: Mutant, covered: Coverage, each_seconds: float) -> bool:
    """Whether a test fails, or never ends, with the mutant in place of its module."""
    tests = covered.order(covered.of(mutant), each_seconds, f"test_{Path(mutant.path).name}")
    file = root / PACKAGE.name / mutant.path
    original = file.read_text()
    _write(file, mutant.applied(original))
    try:
        with tempfile.NamedTemporaryFile("w") as selection:
            json.dump(tests, selection)
            selection.flush()
            files = sorted({test.partition("::")[0] for test in tests})
            seconds = SLOWEST_SECONDS + 2 * sum(covered.seconds[test] for test in tests)
            return _pytest(root, seconds, *files, **{SELECT: selection.name}) != 0
    finally:
        _write(file, original)


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    # A cached module counts as fresh if size and second are the same, as those of a mutant may be.
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def equivalent() -> set[str]:
    """The names of the mutants that nothing can notice."""
    lines = EQUIVALENT.read_text().splitlines() if EQUIVALENT.exists() else []
    return {line.partition("  # ")[0].strip() for line in lines if line and not line.startswith("#")}


def mirror(path: str) -> str:
    """The folder of the tests of a module: the nearest one that has its name or its parents'."""
    for parent in Path(path).parents:
        if parent.name and (ROOT / "test" / parent).is_dir():
            return f"test/{parent}"
    return "test"


def _copy(folder: Path) -> Path:
    for name in COPIED:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__", ".cache", "node_modules")
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def chosen(pattern: str, count: int, seed: int, exempt: set[str]) -> list[Mutant]:
    """Up to `count` mutants of each module that fits, the same for the same seed and text."""
    sample = list[Mutant]()
    for file in sorted(PACKAGE.rglob("*.py")):
        path = str(file.relative_to(PACKAGE))
        if fnmatch.fnmatch(path, pattern):
            every = [mutant for mutant in mutants(path, file.read_text()) if mutant.name not in exempt]
            picked = random.Random(f"{seed} {path}").sample(every, min(count, len(every)))
            sample += picked
    random.Random(seed).shuffle(sample)  # so that a time limit takes as much from each module
    return sample


def main(arguments: Sequence[str]) -> int:
    """Print the survivors and each module's share of noticed; 1 if one has too few."""
    parser = argparse.ArgumentParser(prog="python -m test.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--module", default="kube/*", help="modules of the package, as a pattern: %(default)s")
    parser.add_argument("--count", type=int, default=20, help="mutants a module at most: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="which ones: %(default)s")
    parser.add_argument("--seconds", type=float, default=600.0, help="when to begin no more: %(default)s")
    parser.add_argument("--each", type=float, default=float("inf"), help="seconds of tests a mutant: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="at the same time: %(default)s")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    sample = chosen(options.module, options.count, options.seed, equivalent())
    noticed, survived = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        roots = queue.SimpleQueue[Path]()
        for number in range(options.jobs):
            roots.put(_copy(Path(folder) / str(number)))
        covered = {
            each: coverage(Path(folder) / "0", each) for each in sorted({mirror(mutant.path) for mutant in sample})
        }

        def judge(mutant: Mutant) -> None:
            if time.monotonic() - started > options.seconds:
                return
            root = roots.get()
            try:
                if is_noticed(root, mutant, covered[mirror(mutant.path)], options.each):
                    noticed[mutant.path] += 1
                else:
                    survived[mutant.path] += 1
                    print(f"{PACKAGE.name}/{mutant.path}:{mutant.line}: {mutant.name}", flush=True)
            finally:
                roots.put(root)

        list(pool.map(judge, sample))
    enough = [_share(path, noticed[path], survived[path]) for path in sorted({mutant.path for mutant in sample})]
    whole = _share("all of them", noticed.total(), survived.total())
    return 0 if whole and all(enough) else 1


def _share(name: str, noticed: int, survived: int) -> bool:
    """Whether enough of what was tried was noticed; of a handful nothing can be said."""
    tried = noticed + survived
    share = noticed / tried if tried else 1.0
    print(f"{share:4.0%} of {tried:3} noticed: {name}")
    return share >= SHARE or tried < FEWEST


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
