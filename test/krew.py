"""`make krew`: the plugin of kubectl as krew installs it, an archive and a manifest in dist/krew."""

import argparse
import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import vmagent_operator

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "manifests/krew"
ARCHIVE = "kubectl-vmagent.tar.gz"


def archive(wheel: Path) -> bytes:
    """Everything that the plugin needs; the same bytes for the same wheel."""
    files = (SOURCE / "kubectl-vmagent", wheel, ROOT / "requirements.lock", ROOT / "LICENSE")
    return gzip.compress(_tar(files), mtime=0)


def _tar(files: Iterable[Path]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode = file.stat().st_size, 0o755 if file.name == "kubectl-vmagent" else 0o644
            tar.addfile(entry, io.BytesIO(file.read_bytes()))
    return packed.getvalue()


def _wheel(folder: Path) -> Path:
    """The wheel of a copy: a build leaves something behind where it is made, and takes in what is left there."""
    source = folder / "source"
    shutil.copytree(ROOT / "vmagent_operator", source / "vmagent_operator")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(pip, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def manifest(packed: bytes, uri: str) -> str:
    """What is told to krew about an archive at `uri`."""
    given = {
        "version: VERSION": f"version: v{vmagent_operator.__version__}",
        "uri: URI": f"uri: {uri}",
        "sha256: SHA256": f"sha256: {hashlib.sha256(packed).hexdigest()}",
    }
    text = (SOURCE / "vmagent.yaml").read_text()
    for blank, value in given.items():
        text = text.replace(blank, value)
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def main() -> int:
    """Write both; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m test.krew", description=__doc__)
    parser.add_argument("--uri", required=True, help="where the archive will be")
    parser.add_argument("--output", type=Path, default=ROOT / "dist/krew", metavar="DIR")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        packed = archive(_wheel(Path(folder)))
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / ARCHIVE).write_bytes(packed)
    (given.output / "vmagent.yaml").write_text(manifest(packed, given.uri))
    print(f"wrote {given.output}/{ARCHIVE} and vmagent.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main())
