"""A run that decides by language: labels as numbers in the ledger, as names wherever people read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Finished, Governed, contents
from made_corpora import write_corpus

import datagov
from datagov.errors import ConfigError
from datagov.extras import named
from datagov.ledger.explain import explain
from datagov.profiles import load_profile
from pipelines.recipe import load_recipe
from pipelines.what_if import what_if

Run = Callable[..., Governed]
MakeRecipe = Callable[..., Path]

TEXTS = {
    "zh": "委员会在星期二召开会议，讨论风暴之后应当如何重建港口，几位工程师认为更长的堤坝更好。",
    "en": "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm.",
    "ru": "Комитет собрался во вторник, чтобы обсудить, как следует восстановить гавань после бури.",
    "ja": "委員会は火曜日に会合を開き、嵐の後に港をどのように再建すべきかについて話し合いました。",
    "short": "ok",
    "nothing": "\x01\x02",
    "empty": "",
}
WHERE = "language IN ('zh', 'en') AND language_score >= 0.6"
FILTER = {"filter": {"where": WHERE}}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, recipe: MakeRecipe, govern: Run) -> Governed:
    """The texts, decided by language, in parts of two rows."""
    folder = tmp_path_factory.mktemp("language")
    write_corpus(folder / "corpus", TEXTS, shards=1, row_group_rows=2)
    return govern(recipe(folder, steps=[FILTER]), part_rows=2)


def test_label_and_score_decide(done: Governed) -> None:
    assert done.kept() == {"zh", "en"}
    (family,) = done.manifest["recipe"]["steps"][0]["families"]
    assert family["params"] == {"max_chars": 2000, "library": named("py3langid")}
    rows = done.rows(
        "SELECT id, language, language_score FROM signals_filter JOIN documents USING (part, row)"
    )
    labels = {row["id"]: row["language"] for row in rows}
    assert labels == {key: key if len(key) == 2 else None for key in TEXTS}
    assert all(0 < row["language_score"] <= 1 for row in rows if row["language"] is not None)


def test_an_explanation_names_the_language(done: Governed, cli: Callable[..., Finished]) -> None:
    told = explain(done.ledger, "ru")
    (step,) = told["steps"]
    (reason,) = step["reasons"]
    assert [each.get("label") for each in reason["signals"]] == ["ru", None]
    assert {each["signal"]: each.get("label") for each in step["signals"]} == {
        "language": "ru",
        "language_score": None,
    }
    said = cli("explain", "ru", "--ledger", done.out).out
    assert "as language = ru, language_score = " in said
    assert "language is undefined" in cli("explain", "nothing", "--ledger", done.out).out


def test_an_audit_counts_labels(done: Governed, cli: Callable[..., Finished]) -> None:
    listed = cli("audit", "labels", "signal=filter/language", "--ledger", done.out, "--json").json
    by_label = {row["label"]: (row["documents"], row["kept"], row["removed_here"]) for row in listed["rows"]}
    assert by_label["zh"] == by_label["en"] == (1, 1, 0)
    assert by_label["ru"] == (1, 0, 1)
    assert by_label["undefined"] == (3, 0, 3)
    assert {row["signal"] for row in done.rows("SELECT DISTINCT signal FROM signals")} == {"language_score"}


def test_what_if_asks_for_other_languages(done: Governed) -> None:
    told = what_if(done.ledger, ["filter/where=language = 'ru' OR language = 'ja'"])
    assert told["exact"]
    assert told["kept"] == {"before": 2, "low": 2, "high": 2}
    assert told["newly_kept"] == {"low": 2, "high": 2}


def test_two_workers_write_the_same_bytes(
    done: Governed, tmp_path: Path, recipe: MakeRecipe, govern: Run
) -> None:
    write_corpus(tmp_path / "corpus", TEXTS, shards=1, row_group_rows=2)
    again = govern(recipe(tmp_path, steps=[FILTER]), part_rows=2, workers=2)
    assert contents(again.out, "ledger", "data") == contents(done.out, "ledger", "data")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"where": "language = 'klingon'"}, "never 'klingon'. It can be one of 140, such as "),
        ({"where": "language = 'cn'"}, "language is never 'cn'. Did you mean"),
        ({"where": "language > 'zh'"}, "language is a label"),
        ({"bounds": {"language": {"min": 2}}}, "a label has no limits"),
        ({"bounds": {"language_scor": {"min": 0.5}}}, "Did you mean 'language_score'"),
    ],
)
def test_what_cannot_be_asked_of_a_language(
    tmp_path: Path, recipe: MakeRecipe, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipe(tmp_path, steps=[{"filter": body}]))
    assert message in caught.value.message


def test_a_profile_can_ask_for_languages(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"""
profile: mine
version: 1
title: Chinese and English
sources: {{us: ourselves}}
not_included: []
bounds: []
where: [{{name: language, sql: "{WHERE}", missing: drop, source: "us, here"}}]
""",
        encoding="utf-8",
    )
    table = datagov.measure(list(TEXTS.values()), load_profile(path), crossed=True)
    assert table.column("language").to_pylist()[:4] == ["zh", "en", "ru", "ja"]
    assert [not row for row in table.column("crossed").to_pylist()] == [True, True, *[False] * 5]
    path.write_text(
        path.read_text("utf-8").replace(
            "bounds: []", "bounds: [{signal: language, min: 1, missing: keep, source: 'us, x'}]"
        )
    )
    with pytest.raises(ConfigError, match="is a label and has no limits"):
        load_profile(path)
