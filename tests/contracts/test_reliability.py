"""Every line of docs/reliability.md's tables that says what proves it names a test, and the test is there."""

from __future__ import annotations

import re

import pytest
from project import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
PROOF = ("shown by", "test")
"""Heads of the last column of such tables; tables of measurements are made by a command."""
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def rows() -> list[str]:
    """Return the lines of all tables whose last column says what proves them."""
    found: list[str] = []
    proved = False
    lines = PAGE.splitlines()
    for line, before in zip(lines, ["", *lines], strict=False):
        if not line.startswith("|"):
            continue
        if not before.startswith("|"):
            proved = line.strip("| ").split(" | ")[-1] in PROOF
        elif proved and not line.startswith("|---"):
            found.append(line)
    return found


ROWS = rows()


def test_there_are_tables() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=[row.split(" | ")[0].removeprefix("| ") for row in ROWS])
def test_each_line_names_a_test_that_exists(row: str) -> None:
    named = NAMED.findall(row)
    assert named, row
    for path, test in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(def|class) {test}\b", source, flags=re.MULTILINE), f"{path}::{test}"
