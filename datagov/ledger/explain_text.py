"""An explanation as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datagov import terminal

__all__ = ["print_explanation", "reason_text", "verdict_text"]

COMPARISON = {"min": "<", "max": ">"}
EDIT_COLUMNS = {"changed", "chars_before", "chars_after"}
LISTED = 10
"""Most removed stretches shown of one step."""
SIGNAL_COLUMNS = ("signal", "value", "of", "min", "max", "crossed", "source of the bound")
PAIR_COLUMNS = (
    "step",
    "other document",
    "Jaccard",
    "estimate",
    "shared shingles",
    "bands",
    "verified",
    "evidence",
)


def print_explanation(told: Mapping[str, Any]) -> None:
    """Print what `datagov.ledger.explain.explain` returned."""
    document, run = told["document"], told["run"]
    terminal.heading(f"{document['doc_id'].hex}: {verdict_text(told)}")
    size = (
        "no text"
        if document["bytes"] is None
        else f"{document['bytes']} bytes, {document['chars']} characters"
    )
    recipe = f"recipe {run['recipe_digest']}, datagov {run['code_version']}"
    facts = {
        "id": document["id"],
        "source": document["source"],
        "url": document["url"],
        "shard": f"{document['shard']} row {document['shard_row']}",
        "text": size,
        "run": f"{run['run_id']} of {run['dataset']}: {recipe}",
        "exported": told["verdict"]["exported"],
    }
    if told["piece"] is not None:
        piece = told["piece"]
        facts["piece"] = (
            f"{piece['number'] + 1} of {piece['pieces']} of {piece['parent'].hex}, from character {piece['start_char']}"
        )
    for name, value in facts.items():
        if value is not None:
            terminal.line(f"  {name:<9} {value}")
    for error in told["verdict"]["errors"]:
        terminal.line(f"  {'set aside':<9} {error['reason']}: {error['detail']}")
    # On a terminal a citation is a number, explained once at the end; a pipe gets it in every row.
    citations: dict[str, int] | None = {} if terminal.is_terminal() else None
    for number, step in enumerate(told["steps"], 1):
        terminal.line()
        print_step(number, step, citations)
    if told["cluster"] is not None:
        terminal.line()
        print_cluster(told["cluster"])
    if told["pairs"]["compared"]:
        terminal.line()
        print_pairs(document["doc_id"], told["pairs"])
    if citations:
        terminal.line()
        terminal.heading("sources of the bounds")
        for source, number in citations.items():
            terminal.line(f"  [{number}] {source}")


def verdict_text(told: Mapping[str, Any]) -> str:
    """Return the verdict in one line."""
    verdict = told["verdict"]
    cluster = told["cluster"]
    if verdict["action"] == "error":
        reasons = ", ".join(error["reason"] for error in verdict["errors"]) or "no reason recorded"
        return f"SET ASIDE ({reasons})"
    if verdict["action"] == "keep":
        followers = cluster["members"] if cluster is not None else 0
        return "KEPT" + (f", keeper of {counted(followers, 'duplicate')}" if followers else "")
    step = next(step for step in told["steps"] if step["name"] == verdict["step"])
    decisive = [reason for reason in step["reasons"] if not reason["annotation"]]
    text = f"REMOVED at {verdict['step']}"
    if decisive:
        more = f", and {len(decisive) - 1} more" if len(decisive) > 1 else ""
        text += f": {reason_text(decisive[0])}{more}"
    if cluster is not None and cluster["keeper"] is not None:
        keeper = cluster["keeper"]["doc_id"].hex
        text += "" if keeper in text else f"; duplicate of {keeper}"
    return text + ("; ORPHANED: nothing of its cluster is kept" if verdict["orphaned"] else "")


def reason_text(reason: Mapping[str, Any]) -> str:
    """Return one crossed bound: `word_count = 12 < min 50`."""
    rule, value, bound, limit = (reason[key] for key in ("rule", "value", "bound", "limit"))
    text = str(rule)
    if reason.get("condition") is not None:
        return condition_text(reason)
    if bound == "missing":
        return f"{text} is undefined"
    if bound == "not_compared":
        return f"could not be compared: {text}"
    if bound == "same":
        return f"the same as {keeper_text(reason)}"
    if bound == "jaccard":
        return f"Jaccard {terminal.cell(value)} >= {terminal.cell(limit)} with {keeper_text(reason)}"
    if value is not None:
        text += f" = {terminal.cell(value)}"
    if limit is not None:
        text += f" {COMPARISON.get(bound, '|')} {bound} {terminal.cell(limit)}"
    return text


def condition_text(reason: Mapping[str, Any]) -> str:
    """Return a condition that is not met: `where: not (a > 1 OR b > 1), as a = 0, b is undefined`."""
    condition = reason["condition"]
    values = [
        f"{each['signal']} is undefined"
        if each["value"] is None
        else f"{each['signal']} = {terminal.cell(each.get('label', each['value']))}"
        for each in reason["signals"] or ()
    ]
    said = f"undefined ({condition})" if reason["bound"] == "missing" else f"not ({condition})"
    return f"{reason['rule']}: {said}, as {', '.join(values)}"


def keeper_text(reason: Mapping[str, Any]) -> str:
    """Return the keeper of a duplicate, as its id."""
    keeper = reason.get("keeper")
    return "its keeper" if keeper is None else bytes(keeper).hex()


def counted(number: int, noun: str) -> str:
    """Return `1 duplicate`, `2 duplicates`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def print_step(number: int, step: Mapping[str, Any], citations: dict[str, int] | None) -> None:
    """Print one step: its status, then what it measured or did; number its citations if asked to."""
    status = step["status"].upper() if step["status"] == "removed" else step["status"]
    when = f" (only {described(step['when'])})" if "when" in step else ""
    terminal.heading(f"{number}. {step['name']}: {status}{when}")
    if "edit" in step:
        edit = step["edit"]
        counts = [
            f"{name.replace('_', ' ')}: {value}" for name, value in edit.items() if name not in EDIT_COLUMNS
        ]
        sizes = f"{edit['chars_before']} -> {edit['chars_after']} characters"
        terminal.line(f"  {', '.join([sizes, *counts])}")
    spans = step.get("spans", ())
    done = "replaced" if step["kind"] == "redact" else "cut"
    for span in spans[:LISTED]:
        terminal.line(f"  {done} {span['start']}-{span['end']}: {', '.join(span['rules'])}")
    if len(spans) > LISTED:
        terminal.line(f"  and {len(spans) - LISTED} more stretches")
    repeats = step.get("repeats", ())
    for unit in repeats[:LISTED]:
        terminal.line(
            f"  {unit['start']}-{unit['end']} stood there {unit['copies']} times: {kept_copy(unit)}"
        )
    if len(repeats) > LISTED:
        terminal.line(f"  and {len(repeats) - LISTED} more repeats")
    found = step.get("found", ())
    for span in found[:LISTED]:
        terminal.line(f"  found {span['start']}-{span['end']}: {span_text(span)}")
    if len(found) > LISTED:
        terminal.line(f"  and found {len(found) - LISTED} more")
    for reason in step.get("reasons", ()):
        terminal.line(f"  {'recorded' if reason['annotation'] else 'crossed'}: {reason_text(reason)}")
    signals = step.get("signals", ())
    if step["status"] == "not applied" and all(signal["value"] is None for signal in signals):
        terminal.line(f"  {counted(len(signals), 'signal')}, not measured on this document")
    elif signals:
        terminal.print_table(SIGNAL_COLUMNS, signal_rows(signals, citations), indent=2)


def kept_copy(unit: Mapping[str, Any]) -> str:
    """Return where the copy of a unit stands that stays."""
    if unit["keeper"] is None:
        return "none stays"
    return f"the one at {unit['keeper_start']} of {unit['keeper'].hex} stays"


def span_text(span: Mapping[str, Any]) -> str:
    """Return what was found somewhere: `toxic_insult, term 0a1b2c3d4e5f 'fool' of weight 0.5`."""
    if span["term"] is None:
        return str(span["rule"])
    meant = "" if span["text"] is None else f" {span['text']!r} of weight {span['weight']:g}"
    return f"{span['rule']}, term {span['term']}{meant}"


def described(when: Any) -> str:
    """Return a step's `when` in words."""
    if isinstance(when, Mapping):
        return ", ".join(f"{key} {described(value)}" for key, value in when.items())
    return ", ".join(map(str, when)) if isinstance(when, list | tuple) else str(when)


def signal_rows(
    signals: Sequence[Mapping[str, Any]], citations: dict[str, int] | None
) -> Iterator[tuple[Any, ...]]:
    """Yield table rows, bounded signals first; with `citations`, sources as their numbers there."""
    for signal in sorted(signals, key=lambda signal: "missing" not in signal):
        denominator = signal["denominator"]
        ratio = "" if denominator is None else f"{signal['numerator']}/{denominator}"
        value = "undefined" if signal["value"] is None else signal.get("label", signal["value"])
        crossed = ", ".join(signal["crossed"])
        source = signal.get("source")
        if source and citations is not None:
            source = f"[{citations.setdefault(source, len(citations) + 1)}]"
        yield (
            signal["signal"],
            value,
            ratio,
            signal.get("min"),
            signal.get("max"),
            crossed,
            source,
        )


def print_cluster(cluster: Mapping[str, Any]) -> None:
    """Print the duplicate cluster: the chain of keepers, the survivor and other members."""
    size = "" if cluster["size"] is None else f" of {counted(cluster['size'], 'document')}"
    terminal.heading(f"duplicate cluster{size}")
    for link in cluster["chain"]:
        terminal.line(f"  keeper    {where(link)}")
    if cluster["survivor"] is not None:
        terminal.line(f"  survivor  {where(cluster['survivor'])}")
    elif cluster["role"] == "duplicate":
        terminal.line("  survivor  none: the chain of keepers ends in a document removed for another reason")
    for member in cluster["listed"]:
        terminal.line(f"  member    {where(member)}")
    if cluster["members"] > len(cluster["listed"]):
        terminal.line(f"  and {cluster['members'] - len(cluster['listed'])} more members")


def where(other: Mapping[str, Any]) -> str:
    """Return another document's id, place and verdict."""
    own = f" id {other['id']}" if other["id"] is not None else ""
    fates = {"keep": "kept", "remove": f"removed at {other['step']}", "error": "set aside"}
    return f"{other['doc_id'].hex}{own} ({other['shard']} row {other['shard_row']}), {fates.get(other['action'], 'no decision')}"


def print_pairs(doc_id: Any, pairs: Mapping[str, Any]) -> None:
    """Print the pairs a document was compared in."""
    terminal.heading(f"compared with {counted(pairs['compared'], 'document')}")
    rows = [
        (
            pair["step"],
            pair["b"] if pair["a"] == doc_id else pair["a"],
            pair["jaccard"],
            pair["estimate"],
            f"{pair['intersection']}/{pair['union_size']}",
            pair["shared_bands"],
            pair["verified"],
            pair["evidence"],
        )
        for pair in pairs["listed"]
    ]
    terminal.print_table(PAIR_COLUMNS, rows, indent=2)
