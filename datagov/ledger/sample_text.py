"""A sample as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagov import terminal
from datagov.ledger.explain_text import reason_text

if TYPE_CHECKING:
    from datagov.ledger.sample import Sample

__all__ = ["print_sample", "shortened"]


def print_sample(sample: Sample, *, chars: int) -> None:
    """Print each document: where it is from, why it was removed, and the head of its text."""
    terminal.note(f"{len(sample.documents)} of {sample.population} documents.")
    for number, document in enumerate(sample.documents, 1):
        if number > 1:
            terminal.line()
        own = f" id {document['id']}" if document["id"] is not None else ""
        source = f" source {document['source']}" if document["source"] is not None else ""
        terminal.heading(f"[{number}] {document['doc_id'].hex}{own}{source}")
        terminal.line(f"    {document['shard']} row {document['shard_row']}")
        reasons = [f"{reason['step']}: {reason_text(reason)}" for reason in document["reasons"]]
        for reason in reasons:
            terminal.line(f"    {reason}")
        keeper = None if document["keeper"] is None else document["keeper"].hex
        if keeper is not None and not any(keeper in reason for reason in reasons):
            terminal.line(f"    duplicate of {keeper}")
        text = shortened(document["text"], chars)
        for row in ("(no text)" if text is None else text).split("\n"):
            terminal.line(f"  | {row}")


def shortened(text: str | None, chars: int) -> str | None:
    """Return the first `chars` characters, and how many follow; the whole text for 0."""
    if text is None or chars == 0 or len(text) <= chars:
        return text
    return f"{text[:chars]} [... {len(text) - chars} more characters]"
