"""Every command takes `--json` and then prints one JSON value; exit codes are those that `--help` promises."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizing import make_tokenizer
from typer.main import get_command

from datagov.cli import build_app, main, root
from datagov.errors import DatagovError

CALLS = {
    "demo": "{demo} --documents 200 --workers 1",
    "init": "{work}",
    "plan": "{work}/recipe.yaml --input {demo}/corpus --output {out}",
    "run": "{work}/recipe.yaml --input {demo}/corpus --output {out} --workers 1 --quiet",
    "status": "{out}",
    "explain": "demo-000007 --ledger {out}",
    "audit": "funnel --ledger {out}",
    "sample": "--kept -n 1 --ledger {out}",
    "diff": "{out}@r1 {out}@r1",
    "what-if": "--ledger {out} --set filter-2/word_count.min=120",
    "rules": "",
    "dedup curve": "",
    "doctor": "",
    "train classifier": "{labelled} --kind fasttext --dim 10 --folds 2 --output {out}-model",
    "train evaluate": "{out}-model/card.json {labelled}",
    "train card": "{elsewhere} --positive 1",
    "lexicon import": "starter --output {out}/lexicon.json",
    "lexicon show": "{out}/lexicon.json",
    "lexicon find": "starter fuuuck",
    "frequency build": "{demo}/corpus --tokenizer {tokenizer} --output {out}/one.parquet --workers 1 --quiet",
    "frequency add": "{out}/one.parquet --output {out}/sum.parquet",
    "frequency drift": "{out}/one.parquet {out}/sum.parquet",
    "find-strings": "{strings} {demo}/corpus --output {out}/hits.parquet --workers 1 --quiet",
}
"""How each command is called, in an order in which each finds what it needs."""


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the full name of every command, and the command."""
    command = get_command(build_app()) if command is None else command
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path), command
        return
    for name, child in inner.items():
        yield from commands(child, (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_takes_json(name: str) -> None:
    assert "--json" in {option for parameter in COMMANDS[name].params for option in parameter.opts}


@pytest.mark.slow
def test_every_command_answers_json_with_one_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A detector's command needs a model, and training needs KenLM; the tests of these call them.
    elsewhere = ("detectors", "pipelines.train_cli")
    ours = {
        name for name, command in COMMANDS.items() if not command.callback.__module__.startswith(elsewhere)
    }
    assert ours == set(CALLS)
    places = {name: str(tmp_path / name) for name in ("demo", "work", "out")}
    places["strings"] = str(tmp_path / "strings.txt")
    (tmp_path / "strings.txt").write_text("the\n")
    places["tokenizer"] = str(make_tokenizer(tmp_path / "tokenizer", vocabulary=330))
    places |= {"labelled": str(tmp_path / "labelled.parquet"), "elsewhere": str(tmp_path / "model.bin")}
    texts = pa.array(["a b", "c d"] * 10)
    pq.write_table(pa.table({"text": texts, "label": pa.array([0, 1] * 10)}), places["labelled"])
    for name, arguments in CALLS.items():
        if name == "train card":
            shutil.copy(tmp_path / "out-model/model.bin", tmp_path)
        capsys.readouterr()
        code = main([*name.split(), *arguments.format(**places).split(), "--json"])
        said = capsys.readouterr()
        assert code == 0, (name, said)
        assert json.loads(said.out), name


def errors(kind: type[DatagovError] = DatagovError) -> Iterator[type[DatagovError]]:
    """Yield the errors a user can meet."""
    yield kind
    for child in kind.__subclasses__():
        yield from errors(child)


def test_help_and_the_page_of_operations_say_every_exit_code() -> None:
    from project import ROOT

    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    promised = set(map(int, re.findall(r"\b(\d+) [a-z]", str(root.__doc__).split("Exit codes:")[1])))
    assert promised == {0, 1, 2, 3, 4, 5, 130}
    assert {error.exit_code for error in errors()} <= promised
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == promised
