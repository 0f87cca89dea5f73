"""The lowest versions that pyproject.toml admits, as pins: `pip install $(python -m tests.lowest)`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def pins() -> list[str]:
    """Each dependency with the version that its lower bound names; extras included."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    found = [re.match(r"([\w.-]+)>=([\w.]+)", text) for text in wanted]
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    print("\n".join(pins()))
