"""The demo's corpus: composed documents with planted duplicates, templates and junk, and the plan of it.

Everything planted is written down in `planted.parquet`, beside the corpus and not in it, so that what a run
finds can be checked against what was there to be found (`pipelines.demo.check`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo.drafts import Draft, clean, planted_drafts
from pipelines.demo.text import LANGUAGES, Composer

__all__ = ["PLANTED", "Plan", "make_corpus"]

PLANTED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("original", pa.string()),
        pa.field("edit_rate", pa.float64()),
        pa.field("jaccard", pa.float64()),
    ]
)
"""One row a document. `group` names the documents planted together (an original and its copies, a template
family); `original` the document a copy was made from; `edit_rate` the share of tokens replaced; `jaccard`
the Jaccard of copy and original over their sets of 5-token shingles. NULL where it does not apply."""

_SOURCES = {"zh": ("zh_web", "zh_news", "zh_forum"), "en": ("en_web", "en_guides")}
_ROW_GROUPS = (37, 1_000, 250, 4_096)


@dataclass(frozen=True)
class Plan:
    """Where a corpus was written and what it holds."""

    corpus: Path
    """Folder of Parquet shards, one folder a source: the input of a run."""
    planted: Path
    """Parquet file with the schema `PLANTED`."""
    documents: int
    bytes: int
    """UTF-8 bytes of all texts."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Documents of each kind."""


def make_corpus(folder: Path, *, seed: int = 7, documents: int = 4_000) -> Plan:
    """Compose a corpus and write it with its plan.

    Parameters
    ----------
    folder : Path
        Gets `corpus/<source>/part-*.parquet` (columns id, text, source, url) and `planted.parquet`;
        shards of an earlier corpus there are replaced.
    seed : int
        The same seed and size write the same bytes.
    documents : int
        How many documents, at least 200; the shares of what is planted follow from it.

    Returns
    -------
    Plan
    """
    if documents < 200:
        raise ValueError(f"documents={documents}: at least 200 are needed to plant every kind")
    drafts: list[Draft] = []
    for language in LANGUAGES:
        drafts += planted_drafts(documents, partial(_composer, seed, language))
    missing = max(0, documents - len(drafts))
    for number, language in enumerate(LANGUAGES):
        drafts += clean(_composer(seed, language, "clean"), missing // 2 + (number < missing % 2))
    Random(f"{seed}/order").shuffle(drafts)
    for number, draft in enumerate(drafts):
        draft.id = f"demo-{number:06d}"

    folder = Path(folder)
    corpus = folder / "corpus"
    _write_shards(corpus, drafts, Random(f"{seed}/shards"))
    planted = folder / "planted.parquet"
    rows = [
        {
            "id": draft.id,
            "kind": draft.kind,
            "language": draft.language,
            "group": draft.group,
            "original": draft.original.id if draft.original else None,
            "edit_rate": draft.edit_rate,
            "jaccard": draft.jaccard,
        }
        for draft in drafts
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=PLANTED), planted)
    size = sum(len(draft.text.encode()) for draft in drafts if draft.text)
    return Plan(corpus, planted, len(drafts), size, dict(Counter(draft.kind for draft in drafts)))


def _composer(seed: int, language: str, kind: str) -> Composer:
    return Composer(language, Random(f"{seed}/{language}/{kind}"))


def _write_shards(corpus: Path, drafts: list[Draft], random: Random) -> None:
    for old in corpus.glob("*/part-*.parquet"):
        old.unlink()
    by_source: dict[str, list[Draft]] = {}
    for draft in drafts:
        by_source.setdefault(random.choice(_SOURCES[draft.language]), []).append(draft)
    shard = 0
    for source, members in sorted(by_source.items()):
        (corpus / source).mkdir(parents=True, exist_ok=True)
        size = -(-len(members) // random.randint(2, 3))
        for part, start in enumerate(range(0, len(members), size)):
            chunk = members[start : start + size]
            text_type = pa.large_string() if shard % 2 else pa.string()
            table = pa.table(
                {
                    "id": pa.array([draft.id for draft in chunk], pa.string()),
                    "text": pa.array([draft.text for draft in chunk], text_type),
                    "source": pa.array([source] * len(chunk), pa.string()),
                    "url": pa.array(
                        [f"https://{source.replace('_', '-')}.example/{d.id}" for d in chunk], pa.string()
                    ),
                }
            )
            path = corpus / source / f"part-{part:05d}.parquet"
            pq.write_table(table, path, row_group_size=_ROW_GROUPS[shard % len(_ROW_GROUPS)])
            shard += 1
