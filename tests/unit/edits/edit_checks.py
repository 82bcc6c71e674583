"""What holds for every edit, and small ways to call one; no test functions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from datagov.edits import EDITS, Edited
from datagov.extras import named
from datagov.text.batch import TextBatch


def batch(documents: list[str]) -> TextBatch:
    return TextBatch(pa.array(documents, pa.large_string()))


def run(kind: str, documents: list[str], **options: Any) -> Edited:
    """Apply an edit, and check what every edit promises."""
    edit = EDITS[kind]
    if edit.libraries:
        options.setdefault("by", named(*edit.libraries))
    done = edit.apply(batch(documents), **options)
    done.texts.validate(full=True)
    done.changes.validate(full=True)
    assert done.changes.schema == edit.schema
    assert (done.spans is not None) == (edit.spans is not None)
    after = done.texts.to_pylist()
    for old, new, row in zip(documents, after, done.changes.to_pylist(), strict=True):
        assert row["changed"] == (old != new)
        assert (row["chars_before"], row["chars_after"]) == (len(old), len(new))
        counts = [row[name] for name in edit.counts if not name.endswith("_not_compared")]
        assert (max(counts) > 0) == row["changed"]
    if edit.spans == "removed":
        assert cut(documents, done.spans.to_pylist()) == after
    return done


def cut(documents: list[str], spans: list[dict[str, Any]]) -> list[str]:
    """Cut spans from texts, and check that they are in order and either the same or apart."""
    places = [(span["row"], span["start"], span["end"]) for span in spans]
    assert places == sorted(places)
    found = []
    for row, text in enumerate(documents):
        pieces, at = [], 0
        for start, end in dict.fromkeys((start, end) for of, start, end in places if of == row):
            assert at <= start < end <= len(text)
            pieces.append(text[at:start])
            at = end
        found.append("".join([*pieces, text[at:]]))
    return found


def rules(done: Edited, documents: list[str]) -> list[tuple[str, str]]:
    """(removed text without its line feed, rule), in order."""
    assert done.spans is not None
    return [
        (documents[span["row"]][span["start"] : span["end"]].strip("\n"), span["rule"])
        for span in done.spans.to_pylist()
    ]
