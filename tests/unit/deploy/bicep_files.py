"""The project's Bicep for tests, and copies of it with one fault each."""

import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

from tools.checks.bicep import Fault, check_project
from tools.checks.bicep.types import TypeLibrary
from tools.setup.locations import ROOT

BICEP = ROOT / "deploy" / "bicep"
MAIN = BICEP / "main.bicep"

needs_type_data = pytest.mark.skipif(
    sys.platform != "linux", reason="the vendor's resource types (msmcp-azure) are installed on Linux only"
)


@cache
def library() -> TypeLibrary:
    return TypeLibrary()


def copy_to(folder: Path) -> Path:
    """The Bicep and the files that it reads, under ``folder``; returns main.bicep there."""
    shutil.copytree(BICEP, folder / "deploy" / "bicep")
    shutil.copytree(ROOT / "components" / "azure", folder / "components" / "azure")
    return folder / "deploy" / "bicep" / "main.bicep"


def plant(main: Path, file: str, old: str, new: str) -> list[Fault]:
    """What the check says after ``old`` became ``new`` in ``file``, once."""
    path = main.parent / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"the fault cannot be planted: {file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return check_project(main, library())
