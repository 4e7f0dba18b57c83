"""The bill of materials of the image's Python packages, in CycloneDX 1.6: `python sbom.py requirements.lock`.

From the lock alone, so that it is the same in every build. What the interpreter brings along is in the one that buildx attaches.
"""

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"^([a-z0-9-]+)==([^\s;]+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def bill(lock: str) -> dict[str, Any]:
    """The document for the text of a lock."""
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            # one of them is that of the file for a platform
            "properties": [
                {"name": "requirements.lock:sha256", "value": found}
                for found in re.findall(r"sha256:([0-9a-f]{64})", hashes)
            ],
        }
        for name, version, hashes in ENTRY.findall(lock)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "vmagent-operator", "bom-ref": "vmagent-operator"}},
        "components": components,
        "dependencies": [{"ref": "vmagent-operator", "dependsOn": [item["bom-ref"] for item in components]}],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(Path(sys.argv[1]).read_text()), indent=2) + "\n")
