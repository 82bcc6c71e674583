"""datagov.measure: the signals of a run, over texts in memory; and the README's Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import datagov
from datagov.errors import ConfigError, InputError
from datagov.signals import family

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TEXTS = ["the cat sat on the mat", None, "", "好。" * 40, "a\nb\nb"]
PROFILE = """
profile: mine
version: 1
title: Mine
sources: {me: my own}
not_included: []
bounds:
  - {signal: word_count, min: {quantile: 0.5}, missing: keep, source: "me, here"}
  - {signal: mean_word_length, max: 2.5, missing: drop, source: "me, here"}
where:
  - {name: few, sql: "word_count < 6 OR NULL", missing: drop, source: "me, here"}
"""


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS,
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.chunked_array([TEXTS[:2], [], TEXTS[2:]], pa.string()),
        pa.array(["cut off", *TEXTS]).slice(1),
    ],
    ids=["list", "string", "large_string", "view", "dictionary", "chunked", "sliced"],
)
def test_any_column_of_texts_is_measured(texts: Any) -> None:
    table = datagov.measure(texts, "gopher-en")
    assert set(table.schema.types) == {pa.float64()}
    assert table.column("word_count").to_pylist() == [6, None, 0, 40, 3]
    assert table.column("mean_word_length").to_pylist()[:3] == [17 / 6, None, None]
    rules = {rule.name for name in ("words", "lines", "ngram_repetition") for rule in family(name).rules}
    assert rules <= set(table.schema.names)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = datagov.measure(TEXTS, "gopher-en", crossed=True)
    monkeypatch.setattr("datagov.in_memory.BATCH_BYTES", 8)
    assert datagov.measure(TEXTS, "gopher-en", crossed=True).equals(whole)


@pytest.mark.parametrize(
    "texts", [[], [None, None], pa.array([], pa.string()), pa.chunked_array([], pa.string())]
)
def test_no_text_has_no_values(texts: Any) -> None:
    table = datagov.measure(texts, "gopher-en", crossed=True)
    assert table.num_rows == len(texts)
    assert set(table.column("crossed").to_pylist()) <= {None}


def test_crossed_bounds_quantiles_and_conditions(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(PROFILE)
    table = datagov.measure(TEXTS, tmp_path / "mine.yaml", crossed=True)
    few = {"rule": "few", "value": None, "bound": "missing", "limit": None}
    wide = {"rule": "mean_word_length", "value": 17 / 6, "bound": "max", "limit": 2.5}
    assert table.column("crossed").to_pylist() == [
        [wide, few],
        None,
        [
            {"rule": "word_count", "value": 0.0, "bound": "min", "limit": 3.0},
            {"rule": "mean_word_length", "value": None, "bound": "missing", "limit": None},
        ],
        [few],
        [],
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "give a list or an Arrow array"),
        ([1], "texts or None"),
        (pa.array([1]), "not int64"),
        (["\ud800"], "texts or None"),
    ],
)
def test_what_is_no_text_is_refused(texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        datagov.measure(texts, "gopher-en")
    with pytest.raises(ConfigError, match="Did you mean 'gopher-en'"):
        datagov.measure([], "gopher-enn")


def test_importing_datagov_loads_nothing() -> None:
    probe = "import sys, datagov; print({'numpy', 'pyarrow', 'numba', 'duckdb'} & set(sys.modules), datagov.SignalFamily.__name__)"
    ended = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert ended.stdout.strip() == "set() SignalFamily", ended.stderr
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        _ = datagov.mesure


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind `#` is what the line before it gives; the family passes its checks."""
    in_memory, module = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, Any] = {}
    shown = 0
    for line in in_memory.splitlines():
        code, mark, value = line.partition("  # ")
        if mark:
            assert repr(eval(code, names)) == value  # noqa: S307 - the README's own
            shown += 1
        else:
            exec(code, names)  # noqa: S102 - the same
    assert shown == 3
    (tmp_path / "my_rules.py").write_text(module)
    command = [sys.executable, "-m", "datagov", "rules", "my_rules:QUESTIONS", "--check"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.count("ok")) == (0, 8), ended.stdout + ended.stderr


def test_the_filter_of_the_readme_is_one(tmp_path: Path) -> None:
    import yaml

    from pipelines.recipe import load_recipe

    blocks = re.findall(r"```(python|yaml)\n(.*?)```", README, flags=re.DOTALL)
    module = [text for kind, text in blocks if kind == "python"][1]
    shown = [text for kind, text in blocks if kind == "yaml"][1]
    (tmp_path / "my_rules.py").write_text(module)
    recipe = {"dataset": "d", "input": "corpus", "output": "out", "steps": yaml.safe_load(shown)}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (step,) = load_recipe(tmp_path / "recipe.yaml").steps
    assert [entry["family"] for entry in step.resolved["families"]] == ["questions@1", "words@1"]


def test_lines_are_measured_in_order_and_texts_that_are_null_have_none() -> None:
    table = datagov.measure_lines(["One.\n\n2 B", None, "", "•三"], "redpajama-v2")
    assert table.schema.names[:4] == ["row", "line", "start", "end"]
    places = table.select(["row", "line", "start", "end"]).to_pylist()
    assert [tuple(row.values()) for row in places] == [(0, 0, 0, 4), (0, 2, 6, 9), (3, 0, 0, 2)]
    assert table["line_terminal_fraction"].to_pylist() == [1.0, 0.0, 0.0]
    assert table["line_bullet_fraction"].to_pylist() == [0.0, 0.0, 1.0]
    assert table["line_uppercase_fraction"].to_pylist() == [0.25, 1 / 3, 0.0]
    assert datagov.measure_lines([], "redpajama-v2").num_rows == 0
    with pytest.raises(ConfigError, match="'gopher-en' measures no lines"):
        datagov.measure_lines(["a"], "gopher-en")


def test_lines_of_several_batches_keep_the_places_of_their_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a.\nb", None, "c", "", "d e\n\nf", None, "g."] * 3
    whole = datagov.measure_lines(texts, "redpajama-v2")
    monkeypatch.setattr("datagov.in_memory.BATCH_BYTES", 4)
    assert datagov.measure_lines(texts, "redpajama-v2").to_pylist() == whole.to_pylist()
    rows = [at for at, text in enumerate(texts) for line in (text or "").split("\n") if line]
    assert whole["row"].to_pylist() == rows
