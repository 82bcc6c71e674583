"""The README speaks of every command and every profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from project import ROOT
from typer.main import get_command

from datagov.cli import build_app
from datagov.profiles import PROFILES

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the full name of every command, e.g. `dedup curve`."""
    command = get_command(build_app()) if command is None else command
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path)
        return
    for name, child in inner.items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_in_the_readme(name: str) -> None:
    words = r"\s+".join(map(re.escape, name.split()))
    assert re.search(rf"(datagov\s+|`){words}\b", README)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_is_in_the_readme(name: str) -> None:
    assert name in README
