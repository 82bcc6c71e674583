"""A ledger with one document for every way a document can end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_builder import Document, Pair, Run, doc_id, reason, write_output

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE_ID = "\x1b]0;owned\x07evil"
HOSTILE_SOURCE = "[red]bold[/red]\u202egpj.exe"
HOSTILE_TEXT = "\x1b[2J\x9b31m清\u202e tiny\ttab\nsecond"
HEX_ID = "0123456789abcdef0123456789abcdef"
SENTENCE = "the quick brown fox jumps over the lazy dog again"


def documents(*, short_kept: bool = False) -> list[Document]:
    short = Document(
        "short",
        "a b c",
        id="en-short",
        action="remove",
        step="filter-1",
        reasons=[
            reason("filter-1", "word_count", 3, "min", 5),
            reason("filter-1", "mean_word_length", 1, "min", 3),
        ],
    )
    if short_kept:
        short = Document("short", "a b c", id="en-short")
    duplicate = {"action": "remove", "step": "exact_dedup"}

    def same(keeper: str) -> list[dict]:
        return [reason("exact_dedup", "exact_dedup", None, "same", None, keeper=keeper)]

    return [
        Document("original", SENTENCE, id="en-1", url="https://example.org/1", cluster_size=4),
        short,
        Document(
            "copy",
            SENTENCE,
            id="en-2",
            reasons=same("original"),
            keeper="original",
            survivor="original",
            cluster_size=4,
            **duplicate,
        ),
        Document(
            "near",
            SENTENCE + " twice",
            id="en-3",
            source="books",
            action="remove",
            step="near_dedup",
            reasons=[reason("near_dedup", "near_dedup", 0.8, "jaccard", 0.7, keeper="original")],
            keeper="original",
            survivor="original",
            cluster_size=2,
        ),
        Document(
            "near-copy",
            SENTENCE + " twice",
            id="en-4",
            reasons=same("near"),
            keeper="near",
            survivor="original",
            cluster_size=2,
            **duplicate,
        ),
        Document(
            "orphan",
            SENTENCE * 4,
            id="en-5",
            reasons=same("late"),
            keeper="late",
            orphaned=True,
            cluster_size=2,
            **duplicate,
        ),
        Document(
            "late",
            SENTENCE * 4,
            id="en-6",
            action="remove",
            step="filter-2",
            reasons=[reason("filter-2", "words/word_count", 37, "max", 30)],
        ),
        Document("error", None, id="en-7", action="error"),
        Document("twin-a", SENTENCE + " one", id="same-id"),
        Document("twin-b", SENTENCE + " two", id="same-id", shard="zh/part-00000.parquet"),
        Document(
            "hostile",
            HOSTILE_TEXT,
            id=HOSTILE_ID,
            source=HOSTILE_SOURCE,
            action="remove",
            step="filter-1",
            reasons=[reason("filter-1", "word_count", 4, "min", 5)],
        ),
        Document(
            "chinese", "今天天气很好", id="zh-1", shard="zh/part-00000.parquet", source="zh", measured=False
        ),
        Document("hex", SENTENCE + " hex", id=HEX_ID, shard="zh/part-00000.parquet"),
        Document(
            "budget",
            SENTENCE + " budget",
            id="zh-2",
            shard="zh/part-00000.parquet",
            source=None,
            reasons=[reason("near_dedup", "verify_budget", None, None, None, annotation=True)],
        ),
    ]


PAIRS = [
    Pair("near", "original", 8, 10),
    Pair("near", "twin-a", 5, 20, verified=False),
    Pair("budget", "original", 1, 30, verified=False),
]


def write_ledger(out: Path, input_root: Path) -> None:
    """Two completed runs of one input, and an unfinished third."""
    errors = [
        {
            "doc_id": doc_id("error"),
            "shard": "en/part-00000.parquet",
            "shard_row": 7,
            "reason": "null_text",
            "detail": "text is NULL",
        },
        {
            "doc_id": None,
            "shard": "en/broken.parquet",
            "shard_row": None,
            "reason": "unreadable",
            "detail": "no footer",
        },
    ]
    write_output(
        out, input_root, Run(documents(), PAIRS, errors, warnings=["dedup precedes \x1b[31mfilters"])
    )
    write_output(out, input_root, Run(documents(short_kept=True), PAIRS, errors, run_id="r2", min_words=2))
    write_output(out, input_root, Run(documents(), PAIRS, errors, run_id="r3", complete=False))
