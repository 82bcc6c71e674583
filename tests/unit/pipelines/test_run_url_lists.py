"""Runs with a filter over the documents' URLs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Governed

from datagov.errors import ConfigError
from pipelines.recipe import load_recipe

URLS = ["http://www.bad.com/", "http://notbad.com/", None, "", "http://good.org/x", "http://good.org/xyz"]
FILTER = {
    "models": {"ut1": {"family": "url_lists", "lists": "blacklists"}},
    "bounds": {
        "ut1_host_count": {"max": 0, "missing": "keep"},
        "ut1_path_count": {"max": 0, "missing": "keep"},
    },
}


@pytest.fixture
def make(tmp_path: Path, recipe: Callable[..., Path]) -> Callable[..., Path]:
    """Write the corpus, the lists and a recipe."""
    (tmp_path / "corpus").mkdir()
    table = {
        "id": [f"d{at}" for at in range(len(URLS))],
        "text": ["a text"] * len(URLS),
        "url": pa.array(URLS, pa.string()),
    }
    pq.write_table(pa.table(table), tmp_path / "corpus" / "a.parquet", row_group_size=2)
    for name, content in (("adult/domains", "bad.com\n"), ("games/urls", "good.org/x\n")):
        (tmp_path / "blacklists" / name).parent.mkdir(parents=True)
        (tmp_path / "blacklists" / name).write_text(content)

    def make(**changes: Any) -> Path:
        return recipe(
            tmp_path,
            steps=[{"filter": {**FILTER, **changes}}],
            input={"path": "corpus", "id": "id", "url": "url"},
        )

    return make


def test_documents_of_listed_places_go(make: Callable[..., Path], govern: Callable[..., Governed]) -> None:
    done = govern(make(), part_rows=2, workers=2)
    decisions = done.decisions()
    assert {key for key, row in decisions.items() if row["action"] == "remove"} == {"d0", "d4"}
    spans = done.rows(
        "SELECT id, rule, term, span_start, span_end FROM spans JOIN documents USING (doc_id) ORDER BY id"
    )
    assert [(row["id"], row["rule"], row["term"]) for row in spans] == [
        ("d0", "ut1_host", "adult/bad.com"),
        ("d4", "ut1_path", "games/good.org/x"),
    ]
    assert "http://www.bad.com/"[spans[0]["span_start"] : spans[0]["span_end"]] == "bad.com"
    rows = done.rows(
        "SELECT id, ut1_host_count FROM signals_filter JOIN documents USING (doc_id) ORDER BY id"
    )
    assert [row["ut1_host_count"] for row in rows] == [1, 0, None, 0, 0, 0]


def test_a_recipe_without_urls_is_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make()
    path.write_text(path.read_text().replace("url: url", "source: url"))
    with pytest.raises(ConfigError, match=r"ut1@1 measures the documents' url: name its column"):
        load_recipe(path)
