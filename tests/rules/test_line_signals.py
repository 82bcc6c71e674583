"""RedPajama-V2's signals of single lines, against plain Python."""

from __future__ import annotations

import pyarrow as pa
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.signals.letter_case import UPPER, letter_case
from datagov.signals.line_signals import LINE_SIGNALS, by_line
from datagov.text.batch import TextBatch
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import kind_index, unicode_tables

PIECES = [
    "JavaScript",
    "the",
    " ",
    "\n",
    "\r",
    "•",
    "– ",
    ".",
    "?",
    "”",
    "我们",
    "12",
    "½",
    "Ⅷ",
    "É",
    "ß",
    "\u3000",
    "!",
]


def is_kind(character: str, kind: str) -> bool:
    tables = unicode_tables()
    return bool(tables.kind[tables.class_of[ord(character)]] == kind_index(kind))


def expected(text: str, row: int) -> list[dict[str, int]]:
    """What each line that is not blank counts, one character after another."""
    batch = TextBatch(pa.array([text], pa.large_string()))
    words = [
        (int(start), text[start:end])
        for start, end, flags in zip(batch.words.start, batch.words.end, batch.words.flags, strict=True)
        if not flags & ALL_SYMBOL
    ]
    told, start = [], 0
    for number, line in enumerate(text.split("\n")):
        end = start + len(line)
        kept = [character for character in line if not is_kind(character, "space")]
        if kept:
            inside = [word for at, word in words if start <= at < end]
            told.append(
                {
                    "row": row,
                    "line": number,
                    "start": start,
                    "end": end,
                    "lines": 1,
                    "chars": len(line),
                    "terminal_lines": int(kept[-1] in ".!?”"),
                    "bullet_lines": int(kept[0] in "•‣▶◀◦■□▪▫–"),
                    "words": len(inside),
                    "javascript_words": sum(word.lower() == "javascript" for word in inside),
                    "upper_chars": sum(
                        ord(c) < len(letter_case()) and bool(letter_case()[ord(c)] == UPPER) for c in line
                    ),
                    "number_chars": sum(is_kind(c, "number") for c in line),
                }
            )
        start = end + 1
    return told


@settings(max_examples=examples(100))
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), min_size=1, max_size=4))
def test_lines_are_counted_as_one_by_one_and_documents_are_their_sums(texts: list[str]) -> None:
    batch = TextBatch(pa.array(texts, pa.large_string()))
    lines = by_line(batch, LINE_SIGNALS.defaults).to_pylist()
    assert lines == [line for row, text in enumerate(texts) for line in expected(text, row)]
    for row, counts in enumerate(LINE_SIGNALS.measure(batch, LINE_SIGNALS.defaults).to_pylist()):
        own = [line for line in lines if line["row"] == row]
        assert counts == {name: sum(line[name] for line in own) for name in counts}
