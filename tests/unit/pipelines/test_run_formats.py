"""The format of the input changes nothing: the same documents, decided in the same way, out as Parquet."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Governed, contents, write_shard
from made_corpora import prose, variant, write_corpus

from datagov.errors import ConfigError, InputError
from datagov.formats import lines as lines_module
from datagov.ledger.sample import sample_removed
from pipelines.what_if.unchanged_input import plan_again

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

BASES = {f"{at:02d}": prose(at, 30) for at in range(12)}
TEXTS: dict[str, str | None] = {
    **BASES,
    **{f"{key} copy": text for key, text in list(BASES.items())[:4]},
    **{f"{key} near": variant(text, longer=3) for key, text in list(BASES.items())[2:7]},
    "null": None,
    "blank": " ",
}
STEPS: list[dict[str, Any]] = [{"exact_dedup": {}}, {"near_dedup": {"bands": 20, "rows": 2, "shingle": 3}}]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, govern: Run) -> Governed:
    folder = tmp_path_factory.mktemp("plain")
    write_corpus(folder / "corpus", TEXTS)
    return govern(recipe(folder, steps=STEPS))


def as_lines(texts: Mapping[str, str | None], **more: Any) -> bytes:
    return b"".join(orjson.dumps({"id": key, "text": text, **more}) + b"\n" for key, text in texts.items())


@pytest.mark.parametrize("name", ["a.jsonl", "in/a.jsonl.gz", "a.json.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("rows", [4, 50_000])
def test_lines_are_decided_as_rows_of_parquet_are(
    plain: Governed,
    tmp_path: Path,
    recipe: Recipe,
    govern: Run,
    name: str,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines_module, "BLOCK_ROWS", rows)
    data = as_lines(TEXTS, n=1, tags=["x"])
    path = tmp_path / "corpus" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(
        gzip.compress(data) if path.suffix == ".gz" else pa.compress(data, "zstd", asbytes=True)
        if path.suffix == ".zst" else data
    )  # fmt: skip
    written = recipe(tmp_path, steps=STEPS, input={"format": "jsonl"})
    done = govern(written, part_rows=8)
    assert done.verdicts() == plain.verdicts()
    stem = name.partition(".")[0]
    cut = len(TEXTS) > rows
    assert done.manifest["data"][0] == f"data/r1/{stem}{'.00000' if cut else ''}.parquet"
    exported = done.exported()
    assert exported.column("text").equals(plain.exported().column("text"))
    assert exported.column("doc_id").to_pylist() == plain.exported().column("doc_id").to_pylist()
    assert set(exported.column("other_fields").to_pylist()) == {'{"n":1,"tags":["x"]}'}
    again = govern(written, part_rows=8)
    assert again.manifest == done.manifest


def test_workers_do_not_matter_for_lines(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    for number in range(3):
        path = tmp_path / f"corpus/{number}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(as_lines({f"{number}/{key}": text for key, text in TEXTS.items()}))
    written = recipe(tmp_path, steps=STEPS, input={"format": "jsonl"})
    one = govern(written, part_rows=20)
    two = govern(written, part_rows=20, workers=2, output=str(tmp_path / "two"))
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")


BAD = (
    b'{"id": "a", "text": "a sound document"}\n'
    b'{"id": "b", "text": "cut off\n'
    b"\n"
    b'{"id": "c", "text": "\xff"}\n'
    b'{"id": "d", "text": 7}\n'
    b'{"id": "e", "text": null}\n'
    b'{"id": "f", "text": "another sound document"}'
)


def test_bad_lines_are_set_aside_with_their_places(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.jsonl").write_bytes(BAD)
    done = govern(recipe(tmp_path, steps=STEPS, input={"format": "jsonl"}))
    assert done.exported().column("id").to_pylist() == ["a", "f"]
    rows = done.rows("SELECT shard, shard_row, reason, detail FROM errors ORDER BY shard_row")
    assert [(row["shard_row"], row["reason"]) for row in rows] == [
        (1, "not_json"),
        (2, "not_json"),
        (3, "not_utf8"),
        (4, "wrong_type"),
        (5, "null_text"),
    ]
    assert {row["shard"] for row in rows} == {"a.jsonl"}
    assert all(row["detail"] for row in rows)
    assert (done.counts["documents_in"], done.counts["errored"]) == (7, 5)


def test_bad_lines_stop_the_run_where_the_recipe_says_so(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.jsonl").write_bytes(BAD)
    strict = recipe(tmp_path, input={"format": "jsonl", "bad_documents": "stop"})
    with pytest.raises(
        InputError, match=r"5 document\(s\) cannot be used: a\.jsonl, row 1 \(from 0\): the line is not"
    ):
        govern(strict)
    lenient = govern(recipe(tmp_path, input={"format": "jsonl"}))
    assert (lenient.manifest["run_id"], lenient.counts["kept"]) == ("r1", 2)


def test_a_line_without_an_id_is_an_error_as_in_parquet(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    (tmp_path / "corpus").mkdir()
    lines = b'{"id": "a", "text": "x"}\nnot json\n{"text": "y"}\n'
    (tmp_path / "corpus/a.jsonl").write_bytes(lines)
    with pytest.raises(InputError, match=r"a\.jsonl:2: column 'id' is NULL"):
        govern(recipe(tmp_path, input={"format": "jsonl"}))


def test_a_changed_line_costs_its_file_alone(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    (tmp_path / "corpus").mkdir()
    halves = [dict(list(TEXTS.items())[:10]), dict(list(TEXTS.items())[10:])]
    for number, half in enumerate(halves):
        (tmp_path / f"corpus/{number}.jsonl").write_bytes(as_lines(half))
    written = recipe(tmp_path, steps=STEPS, input={"format": "jsonl"})
    first = govern(written, part_rows=10)
    halves[1]["blank"] = "no longer blank"
    (tmp_path / "corpus/1.jsonl").write_bytes(as_lines(halves[1]))
    second = govern(written, part_rows=10)
    parts = [[part["name"] for part in done.manifest["parts"]] for done in (first, second)]
    assert parts[0][0] == parts[1][0]
    assert not set(parts[0][1:]) & set(parts[1][1:])
    assert second.decisions()["blank"]["action"] == "keep"


def test_the_ledger_finds_the_texts_of_any_format(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.jsonl").write_bytes(as_lines(TEXTS))
    done = govern(recipe(tmp_path, steps=STEPS, input={"format": "jsonl"}))
    drawn = sample_removed(done.ledger, "exact_dedup", n=10, seed=0)
    assert {document["text"] for document in drawn.documents} == set(list(BASES.values())[:4])


def test_text_files_are_documents_named_by_their_paths(
    plain: Governed, tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    texts = {key: text for key, text in TEXTS.items() if text is not None}
    for number, text in enumerate(texts.values()):
        path = tmp_path / f"corpus/{'ab'[number % 2]}/{number:02d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = govern(recipe(tmp_path, steps=STEPS, input={"format": "text", "id": None}))
    assert done.manifest["data"] == ["data/r1/a/texts.parquet", "data/r1/b/texts.parquet"]
    assert done.counts["removed"] == plain.counts["removed"]
    exported = done.exported()
    assert exported.column_names == ["text", "path", "doc_id"]
    assert set(done.decisions()) == {f"{'ab'[number % 2]}/{number:02d}.txt" for number in range(len(texts))}


def test_what_paths_say_can_be_used_and_is_not_written_twice(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    for lang in ("zh", "en"):
        for name in ("a", "b"):
            columns = {"id": [f"{lang}-{name}"], "text": ["the same text everywhere"]}
            write_shard(tmp_path / f"corpus/lang={lang}/{name}.parquet", columns)
    steps = [{"exact_dedup": {"within": ["source"], "keep": ["first"]}}]
    settings = {"hive": True, "source": "lang", "url": "file", "path_column": "file"}
    done = govern(recipe(tmp_path, steps=steps, input=settings))
    assert done.kept() == {"zh-a", "en-a"}
    rows = done.rows("SELECT id, source, url FROM documents ORDER BY id")
    assert [(row["source"], row["url"]) for row in rows] == [
        (lang, f"lang={lang}/{name}.parquet") for lang in ("en", "zh") for name in ("a", "b")
    ]
    table = pq.read_table(done.out / "data/r1")
    assert sorted(table.column_names) == ["doc_id", "file", "id", "lang", "text"]
    assert table.num_rows == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fields": {"n": "int64"}}, "belongs to `format: jsonl`"),
        ({"format": "jsonl", "source": "other_fields"}, "'other_fields' is the column"),
        ({"format": "csv"}, "format"),
        ({"format": "jsonl", "fields": {"n": "int"}}, "fields.n"),
    ],
)
def test_input_settings_that_do_not_fit(
    tmp_path: Path, recipe: Recipe, govern: Run, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(ConfigError, match=message):
        govern(recipe(tmp_path, input=settings))


def test_a_run_over_lines_is_planned_again_from_its_manifest(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/a.jsonl").write_bytes(as_lines(TEXTS, n=3))
    steps = [{"exact_dedup": {"keep": [{"newest": "n"}]}}]
    settings = {"format": "jsonl", "fields": {"n": "int64"}}
    done = govern(recipe(tmp_path, steps=steps, input=settings))
    record = json.loads((done.out / "runs/r1.json").read_bytes())
    assert record["input"]["fields"] == {"n": "int64"}
    assert plan_again(done.ledger, done.plan.recipe).parts == done.plan.parts
