"""The shape of the code: small modules with telling names, and broad excepts only at the roots."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from project import ROOT, modules

MOST_LINES = 300
EMPTY_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py", "util.py", "helper.py"}
# A root turns what it catches into a message, and says so beside it; tokenizers raises nothing narrower, and
# families of users raise anything.
ROOTS = {"datagov/cli.py", "datagov/signals/imported.py", "datagov/tokenizer.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert path.name not in EMPTY_NAMES
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_broad_excepts_stand_at_the_roots_only(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type)
    ]
    assert not broad or name_of(path) in ROOTS, f"{name_of(path)}: lines {broad}"


def is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    names = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in names)


def test_files_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by their names: of two that are called alike the second is not run."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
