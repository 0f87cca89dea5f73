"""Every data file says, on one page, where it comes from and under which licence."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tdxtui import library, provenance

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def patterns() -> list[str]:
    """The paths of the table's first column; a name without a folder lies in that of the name before it."""
    found = []
    for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", row):
            folder = name.rpartition("/")[0] if "/" in name else folder
            found.append(name if "/" in name else f"{folder}/{name}")
    return found


def test_every_data_file_is_in_the_table() -> None:
    folders = (library.DATA, ROOT / "presets", ROOT / "themes")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = [str(path.relative_to(ROOT)) for path in files]
    missing = [name for name in names if not any(fnmatch(name, pattern) for pattern in patterns())]
    assert not missing


def test_every_row_of_the_table_is_about_some_file() -> None:
    assert [pattern for pattern in patterns() if not list(ROOT.glob(pattern))] == []


def test_the_digest_changes_with_a_byte_or_a_name(tmp_path: Path) -> None:
    seen = set()
    for name, text in (("a.toml", "1"), ("a.toml", "2"), ("b.toml", "2")):
        folder = tmp_path / f"{name}{text}"
        folder.mkdir()
        (folder / name).write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "DATA", folder)
            seen.add(provenance.digest())
    assert len(seen) == 3
