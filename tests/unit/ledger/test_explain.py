from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from ledger_builder import doc_id
from ledger_example import HEX_ID, HOSTILE_ID

from datagov.errors import ConfigError, LedgerError
from datagov.ledger.explain import explain
from datagov.ledger.reader import Ledger

if TYPE_CHECKING:
    from pathlib import Path


def told(out: Path, document: str) -> dict[str, Any]:
    return explain(Ledger.open(f"{out}@r1"), document)


def statuses(explanation: dict[str, Any]) -> list[str]:
    return [step["status"] for step in explanation["steps"]]


@pytest.mark.parametrize(
    "spelled",
    [
        doc_id("original").hex,
        doc_id("original").hex.upper(),
        str(doc_id("original")),
        "en-1",
    ],
)
def test_a_document_is_found_by_either_id(out: Path, spelled: str) -> None:
    document = told(out, spelled)["document"]
    assert (document["doc_id"], document["id"]) == (doc_id("original"), "en-1")
    assert (document["shard"], document["shard_row"]) == ("en/part-00000.parquet", 0)


def test_an_own_id_that_looks_like_a_doc_id_is_found(out: Path) -> None:
    assert told(out, HEX_ID)["document"]["doc_id"] == doc_id("hex")


def test_an_own_id_with_control_characters_is_found(out: Path) -> None:
    assert told(out, HOSTILE_ID)["document"]["doc_id"] == doc_id("hostile")


def test_removed_by_a_filter_with_every_crossed_bound(out: Path) -> None:
    found = told(out, "en-short")
    assert (found["verdict"]["action"], found["verdict"]["step"]) == ("remove", "filter-1")
    assert statuses(found) == ["unchanged", "removed", "not reached", "not reached", "not reached"]
    words, length = found["steps"][1]["signals"]
    assert words == {
        "family": "words@1",
        "signal": "word_count",
        "numerator": 3,
        "denominator": None,
        "value": 3.0,
        "crossed": ["min"],
        "min": 5,
        "max": 1000,
        "missing": "keep",
        "source": "Gopher, A1.1",
    }
    assert (length["numerator"], length["denominator"], length["value"]) == (3, 3, 1.0)
    assert length["crossed"] == ["min"]
    assert [reason["rule"] for reason in found["steps"][1]["reasons"]] == ["word_count", "mean_word_length"]
    assert (found["cluster"], found["pairs"]["compared"]) == (None, 0)
    assert found["verdict"]["exported"] is None


def test_bounds_named_with_their_family_are_matched(out: Path) -> None:
    last = told(out, "en-6")["steps"][-1]
    assert last["status"] == "removed"
    assert [signal["crossed"] for signal in last["signals"]] == [["max"], []]
    assert last["signals"][0]["min"] is None
    assert "missing" not in last["signals"][1]


def test_kept_says_where_it_is_and_whom_it_stands_for(out: Path) -> None:
    found = told(out, "en-1")
    assert found["verdict"]["exported"] == "data/r1/en/part-00000.parquet"
    assert statuses(found) == ["unchanged", "passed", "passed", "passed", "passed"]
    assert found["cluster"]["role"] == "keeper"
    assert {member["id"] for member in found["cluster"]["listed"]} == {"en-2", "en-3"}
    assert found["run"]["run_id"] == "r1"
    assert found["run"]["code_version"] == "0.1.0"
    assert len(found["run"]["recipe_digest"]) == 32


def test_an_exact_duplicate_names_its_keeper(out: Path) -> None:
    found = told(out, "en-2")
    assert found["verdict"]["step"] == "exact_dedup"
    assert found["cluster"]["keeper"]["id"] == "en-1"
    assert found["cluster"]["survivor"]["action"] == "keep"


def test_a_near_duplicate_shows_the_evidence_first(out: Path) -> None:
    found = told(out, "en-3")
    assert found["pairs"]["compared"] == 2
    best, other = found["pairs"]["listed"]
    assert (best["evidence"], best["jaccard"], best["b"]) == (True, 0.8, doc_id("original"))
    assert (other["evidence"], other["verified"]) == (False, False)


def test_a_chain_of_keepers_is_followed_to_the_survivor(out: Path) -> None:
    cluster = told(out, "en-4")["cluster"]
    assert [link["id"] for link in cluster["chain"]] == ["en-3", "en-1"]
    assert cluster["survivor"]["doc_id"] == doc_id("original")


def test_an_orphan_has_a_keeper_and_no_survivor(out: Path) -> None:
    found = told(out, "en-5")
    assert found["verdict"]["orphaned"] is True
    assert found["cluster"]["survivor"] is None
    assert (found["cluster"]["keeper"]["id"], found["cluster"]["keeper"]["step"]) == ("en-6", "filter-2")


def test_a_document_set_aside_says_why(out: Path) -> None:
    found = told(out, "en-7")
    assert found["verdict"]["action"] == "error"
    assert found["verdict"]["errors"] == [{"reason": "null_text", "detail": "text is NULL"}]
    assert set(statuses(found)) == {"not reached"}


def test_a_filter_that_did_not_speak_of_the_document(out: Path) -> None:
    found = told(out, "zh-1")
    assert statuses(found) == ["unchanged", "not applied", "passed", "passed", "not applied"]
    assert found["steps"][1]["when"] == ["latin"]
    assert found["steps"][1]["signals"][0]["value"] is None


def test_a_recorded_verdict_is_not_a_removal(out: Path) -> None:
    found = told(out, "zh-2")
    assert (found["verdict"]["action"], found["steps"][3]["status"]) == ("keep", "annotated")
    assert found["steps"][3]["reasons"][0]["annotation"] is True


def test_an_edit_is_told_in_characters(out: Path) -> None:
    edit = told(out, HOSTILE_ID)["steps"][0]["edit"]
    assert (edit["changed"], edit["controls_removed"]) == (True, 1)


def test_an_ambiguous_id_lists_the_documents(out: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        told(out, "same-id")
    assert doc_id("twin-a").hex in caught.value.message
    assert doc_id("twin-b").hex in caught.value.message


@pytest.mark.parametrize("unknown", ["nothing", str(UUID(int=7)), "EN-1", ""])
def test_an_unknown_document_is_told_so(out: Path, unknown: str) -> None:
    with pytest.raises(LedgerError, match="1 shards could not be read"):
        told(out, unknown)
