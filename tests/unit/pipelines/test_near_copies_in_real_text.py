"""Near-copies planted into real Chinese and English text: what is found, what is kept, what the pairs say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Governed, write_shard

from datagov.dedup.curve import probability
from datagov.text.batch import TextBatch
from pipelines.demo.check import lower_bound
from pipelines.demo.oracle import TOKEN

THRESHOLD = Fraction(7, 10)
RATES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.10)
SHINGLE = 5
TEMPLATES = 1_000

pytestmark = [pytest.mark.corpus, pytest.mark.slow]


def shingles(text: str) -> frozenset[tuple[int, ...]]:
    """Return the shingles of a text, from its token stream, in plain Python."""
    tokens = TextBatch(pa.array([text], pa.large_string())).tokens.hash.tolist()
    last = max(1, len(tokens) - SHINGLE + 1) if tokens else 0
    return frozenset(tuple(tokens[start : start + SHINGLE]) for start in range(last))


def jaccard(a: frozenset[tuple[int, ...]], b: frozenset[tuple[int, ...]]) -> Fraction:
    return Fraction(len(a & b), len(a | b)) if a or b else Fraction(0)


def edited(text: str, rate: float, random: Random, words: list[str]) -> str:
    """Replace a share of the words and Han characters by others of the same corpus."""
    matches = list(TOKEN.finditer(text))
    chosen = sorted(random.sample(range(len(matches)), k=round(rate * len(matches))))
    pieces, end = [], 0
    for place in chosen:
        match = matches[place]
        pieces += [text[end : match.start()], random.choice(words)]
        end = match.end()
    return "".join([*pieces, text[end:]])


def real_texts(folder: Path, *, low: int, high: int, count: int) -> list[str]:
    """Return texts of a length range from one source, the first `count` of them."""
    found: list[str] = []
    for path in sorted(folder.glob("*.parquet")):
        found += [
            text
            for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
            if low <= len(text) <= high
        ]
    return found[:count]


@dataclass(frozen=True)
class Planted:
    """A governed corpus with what was planted in it."""

    governed: Governed
    texts: dict[str, str]
    copies: dict[str, str]
    """Copy -> original."""

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.governed.connect() as connection:
            return connection.execute(query).fetchall()


def planted_texts(corpus: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield (id, text, original or None)."""
    random = Random(11)
    for name, low, high in (
        ("zh_forum", 300, 4_000),
        ("zh_laws", 1_500, 12_000),
        ("en_mixed", 1_500, 12_000),
    ):
        texts = real_texts(corpus / name, low=low, high=high, count=240)
        assert len(texts) >= 200, name
        words = [match.group() for text in texts[:40] for match in TOKEN.finditer(text)]
        for number, text in enumerate(texts):
            yield f"{name}-{number}", text, None
            rate = RATES[number % len(RATES)]
            yield f"{name}-{number}-copy", edited(text, rate, random, words) + " ", f"{name}-{number}"
    opening = real_texts(corpus / "zh_laws", low=2_000, high=9_000, count=1)[0][:210]
    for number, window in enumerate(
        distinct_windows("".join(real_texts(corpus / "zh_forum", low=300, high=9_000, count=900)))
    ):
        yield f"template-{number}", opening + window, None


def distinct_windows(text: str, *, chars: int = 160) -> Iterator[str]:
    """Yield `TEMPLATES` windows that share hardly a shingle, so that a family of them is of distinct documents."""
    seen: set[tuple[int, ...]] = set()
    found = 0
    for start in range(0, len(text) - chars, chars):
        window = text[start : start + chars]
        own = shingles(window)
        if len(own) < chars // 2 or len(own & seen) * 10 > len(own):
            continue
        seen |= own
        yield window
        found += 1
        if found == TEMPLATES:
            return
    raise AssertionError(f"only {found} distinct windows in {len(text)} characters")


@pytest.fixture(scope="module")
def planted(
    corpus_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    recipe: Callable[..., Path],
    govern: Callable[..., Governed],
) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    rows = list(planted_texts(corpus_root))
    ids, texts = [row[0] for row in rows], [row[1] for row in rows]
    third = len(rows) // 3 + 1
    for number in range(3):
        piece = slice(number * third, (number + 1) * third)
        write_shard(folder / f"corpus/part-{number}.parquet", {"id": ids[piece], "text": texts[piece]})
    governed = govern(
        recipe(folder, steps=[{"near_dedup": {"preset": "fineweb", "verify": {"jaccard": 0.7}}}])
    )
    return Planted(governed, dict(zip(ids, texts, strict=True)), {row[0]: row[2] for row in rows if row[2]})


def test_every_removed_document_has_a_kept_keeper_that_near(planted: Planted) -> None:
    removed = planted.rows(
        "SELECT d.id, k.id, v.action FROM decisions AS c JOIN documents AS d USING (doc_id) "
        "JOIN documents AS k ON k.doc_id = c.keeper JOIN decisions AS v ON v.doc_id = k.doc_id "
        "WHERE c.action = 'remove'"
    )
    assert len(removed) > 200
    for name, keeper, action in removed:
        assert action == "keep"
        assert jaccard(shingles(planted.texts[str(name)]), shingles(planted.texts[str(keeper)])) >= THRESHOLD


def test_recall_is_not_below_the_promise_of_the_curve(planted: Planted) -> None:
    """Of planted pairs of true Jaccard >= 0.8, at least the 0.1 % quantile of the S-curve's promise."""
    removed = {
        name
        for (name,) in planted.rows(
            "SELECT id FROM decisions JOIN documents USING (doc_id) WHERE action = 'remove'"
        )
    }
    promised, found = [], 0
    for copy, original in planted.copies.items():
        similarity = jaccard(shingles(planted.texts[copy]), shingles(planted.texts[original]))
        if similarity >= Fraction(8, 10):
            promised.append(probability(float(similarity), 14, 8))
            found += bool({copy, original} & removed)
    assert len(promised) >= 200
    assert found >= lower_bound(promised)


def test_no_two_kept_documents_share_a_bucket_and_are_near(planted: Planted) -> None:
    together = planted.rows(
        "SELECT DISTINCT x.id, y.id FROM buckets AS a JOIN buckets AS b ON a.key = b.key "
        "JOIN documents AS x ON x.part = a.part AND x.row = a.row JOIN documents AS y ON y.part = b.part AND y.row = b.row "
        "JOIN decisions AS p ON p.doc_id = x.doc_id JOIN decisions AS q ON q.doc_id = y.doc_id "
        "WHERE x.doc_id < y.doc_id AND p.action = 'keep' AND q.action = 'keep'"
    )
    spent = {
        name
        for (name,) in planted.rows(
            "SELECT id FROM reasons JOIN documents USING (doc_id) WHERE rule = 'verify_budget'"
        )
    }
    assert len(together) > 20
    for first, second in together:
        if {first, second} & spent:
            continue
        assert jaccard(shingles(planted.texts[str(first)]), shingles(planted.texts[str(second)])) < THRESHOLD


def test_a_template_family_of_a_thousand_loses_none(planted: Planted) -> None:
    family = planted.rows(
        "SELECT action, count(*) FROM decisions JOIN documents USING (doc_id) WHERE id LIKE 'template-%' GROUP BY action"
    )
    assert family == [("keep", TEMPLATES)]
    compared = planted.rows(
        "SELECT count(*) FROM pairs AS p JOIN documents AS a ON a.doc_id = p.a WHERE a.id LIKE 'template-%' AND NOT verified"
    )
    assert compared[0][0] > 100, "the family must have met in buckets for this test to say anything"


def test_stored_jaccards_are_exact(planted: Planted) -> None:
    pairs = planted.rows(
        "SELECT a.id, b.id, p.intersection, p.union_size FROM pairs AS p "
        "JOIN documents AS a ON a.doc_id = p.a JOIN documents AS b ON b.doc_id = p.b ORDER BY a.id, b.id LIMIT 300"
    )
    for first, second, intersection, union in pairs:
        one, two = shingles(planted.texts[str(first)]), shingles(planted.texts[str(second)])
        assert (intersection, union) == (len(one & two), len(one | two))
