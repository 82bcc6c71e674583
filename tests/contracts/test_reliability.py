"""Every line of the tables in docs/reliability.md names a test, and the test is there."""

from __future__ import annotations

import re

import pytest
from project import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what |", "|---"))
]
NAMED = re.compile(r"`(tests/\S+\.py)::(\w+)`")


def test_there_are_tables() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=[row.split(" | ")[0].removeprefix("| ") for row in ROWS])
def test_each_line_names_a_test_that_exists(row: str) -> None:
    named = NAMED.findall(row)
    assert named, row
    for path, test in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", source, flags=re.MULTILINE), f"{path}::{test}"
