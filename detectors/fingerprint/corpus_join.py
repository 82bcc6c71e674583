"""Findings laid beside a corpus: what stands there explains itself, what does not is a finding.

A finding is explained by a corpus that holds its whole string, or so many pieces of it that no `WINDOW_TOKENS` tokens in
a row are left over. A piece counts where it stands at least `LEAST_COPIES` times: text that a model saw once or twice is
seldom known by heart, and a short piece of any text stands somewhere. All that the model is sure of, if it is no shorter, counts
where it stands once, as the whole string does, which may go on less surely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.string_hits import StringHits
from detectors.fingerprint.evidence import bits_over_base
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.windows import WINDOW_TOKENS, whole_characters
from detectors.tables import FINDINGS, JOINED

__all__ = ["LEAST_COPIES", "join", "probe_strings"]

LEAST_COPIES = 3
LEAST_TOKENS = 2
"""Tokens of a string that says anything: the first is forced, and nobody said it."""
LEAST_PERIODS = 3
"""Periods from which a repetition counts as a loop."""
NOWHERE: Mapping[str, Any] = {"documents": 0, "copies": 0, "source": None, "examples": []}
BYTES = pa.list_(pa.binary(16))
"""Ids as Arrow builds them from Python; a cast makes them UUIDs."""
UNRESOLVED, STRONG, UNEXPLAINED, IN_CORPUS, IN_BASE = "U", "A", "B", "C", "D"


def probe_strings(findings: pa.Table) -> pa.Table:
    """Return the strings to be searched for some findings (column `string`): whole ones and windows, each once, sorted."""
    strings = {
        whole_characters(text) for name in ("string", "sure") for text in findings.column(name).to_pylist()
    }
    strings.update(text for texts in findings.column("windows").to_pylist() for text in texts)
    return pa.table({"string": pa.array(sorted(text for text in strings if text), pa.large_string())})


def join(findings: pa.Table, hits: StringHits, *, least_bits: float | None = None) -> pa.Table:
    """Return the findings with their tier, and what explains them.

    Parameters
    ----------
    findings : Table
        `detectors.tables.FINDINGS`.
    hits : StringHits
        Of a search for `probe_strings(findings)`.
    least_bits : float or None
        Bits over the base, of what the corpus does not explain, that clean models of the kind do not reach; without it bits
        decide nothing.

    Returns
    -------
    Table
        `detectors.tables.JOINED`, in the same order.

    Raises
    ------
    InputError
        A string of the findings was not searched.
    """
    found = _by_string(hits)
    rows = []
    for finding in findings.to_pylist():
        whole = _looked_up(whole_characters(finding["string"]), found)
        said, sure = _said_in(finding)
        explained = _explained(finding, sure, found)
        left, left_sure = _longest_left(explained), _longest_left(explained[sure])
        if left_sure < min(WINDOW_TOKENS, len(explained)):
            left_sure = 0
        searched = any(text is not None for text in finding["windows"])
        bits = None if finding["base_logprobs"] is None else _bits_left(finding, explained[said])
        rows.append(
            {
                **whole,
                "tier": _tier(finding, searched, left, left_sure, bits, least_bits),
                "corpus": hits.corpus_digest,
                "unexplained_tokens": left if searched else None,
                "unexplained_bits": bits if searched else None,
                "unexplained_sure": left_sure if searched else None,
            }
        )

    def column(name: str) -> pa.Array:
        kind = BYTES if name == "examples" else JOINED.field(name).type
        return pa.array([row[name] for row in rows], kind)

    joined = findings.set_column(findings.column_names.index("tier"), "tier", column("tier"))
    for name in JOINED.names[len(FINDINGS) :]:
        joined = joined.append_column(name, column(name))
    return joined.cast(JOINED).replace_schema_metadata(findings.schema.metadata)


def _by_string(hits: StringHits) -> dict[str, dict[str, Any]]:
    """Return string -> documents and copies in all, the source with the most copies and its first documents."""
    found: dict[str, dict[str, Any]] = {}
    for row in hits.table.to_pylist():
        known = found.setdefault(row["string"], {**NOWHERE, "most": 0})
        known["documents"] += row["documents"]
        known["copies"] += row["copies"]
        if row["copies"] > known["most"]:
            examples = [doc_id.bytes for doc_id in row["examples"]]
            known |= {"most": row["copies"], "source": row["source"], "examples": examples}
    return found


def _looked_up(string: str | None, found: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    if string is None:
        return NOWHERE
    if string not in found:
        raise InputError(
            f"the string {string[:60]!r} of a finding was not searched: the hits are of other findings. Make them with "
            "`datagov detect probe-strings` and `datagov find-strings`"
        )
    return found[string]


def _explained(
    finding: Mapping[str, Any], sure: slice, found: Mapping[str, Mapping[str, Any]]
) -> npt.NDArray[np.bool_]:
    """Return for each token of a string whether the corpus holds the whole, a window often enough, or all that is sure of it."""

    def copies(text: str | None) -> int:
        return int(_looked_up(text, found)["copies"])

    explained = np.full(len(finding["string_ids"]), copies(whole_characters(finding["string"])) > 0)
    for at, window in enumerate(finding["windows"]):
        if copies(window) >= LEAST_COPIES:
            explained[at : at + WINDOW_TOKENS] = True
    if sure.stop - sure.start >= WINDOW_TOKENS and copies(whole_characters(finding["sure"])):
        explained[sure] = True
    return explained


def _longest_left(explained: npt.NDArray[np.bool_]) -> int:
    """Return the longest run of tokens that nothing explains."""
    edges = np.flatnonzero(np.concatenate([[True], explained, [True]]))
    return int(np.diff(edges).max()) - 1


def _said_in(finding: Mapping[str, Any]) -> tuple[slice, slice]:
    """Return where the path of a finding stands in its string, and where what the model is sure of does, the seed with it."""
    path, string = finding["token_ids"], finding["string_ids"]
    seed = finding["seed"]
    count, seeded, place = max(
        (_shared(path, string[at:]), at > 0 and string[at - 1] == seed, -at) for at in range(len(string))
    )
    start = -place
    return slice(start, start + count), slice(start - seeded, start + min(count, finding["sure_tokens"]))


def _bits_left(finding: Mapping[str, Any], explained: npt.NDArray[np.bool_]) -> float:
    """Return the most bits over the base of a beginning of a path, tokens that the corpus explains left out.

    `explained` says which, as far as the path stands in the string that was searched.
    """
    count = len(explained)
    if not count:
        return 0.0
    said = Paths(
        np.array([finding["seed"]], np.int32),
        np.array([finding["token_ids"][:count]], np.int32),
        np.where(explained, np.nan, np.array(finding["logprobs"][:count], np.float32))[None],
    )
    bits, _ = bits_over_base(said, np.array([finding["base_logprobs"][:count]], np.float32))
    return max(0.0, float(bits[0]))


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two sequences begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _tier(
    finding: Mapping[str, Any],
    searched: bool,
    left: int,
    left_sure: int,
    bits: float | None,
    least_bits: float | None,
) -> str:
    if not searched or len(finding["string_ids"]) < LEAST_TOKENS:
        return UNRESOLVED
    if left < min(WINDOW_TOKENS, len(finding["string_ids"])):
        return IN_CORPUS
    beyond_base = least_bits is not None and bits is not None and bits >= least_bits
    if least_bits is not None and finding["bits"] is not None and finding["bits"] < least_bits:
        return IN_BASE
    loops = bool(finding["loop_from_seed"]) and finding["loop_count"] >= LEAST_PERIODS
    stops = finding["stops"] and left_sure > 0
    return STRONG if loops or stops or beyond_base else UNEXPLAINED
