"""Write `unicode_tables.npz` from the character data inside the `regex` package.

    python -m datagov.text.build_tables

Run by hand when a newer Unicode version is wanted; nothing else needs `regex`. The same `regex`
gives the same bytes. Case mappings are Python's own where Python knows the character, and `regex`'s
case pairs for characters newer than this Python.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex
from regex import _regex

from datagov.text.tables import BREAKS, FILE, KINDS, LOWER_LIMIT, NORMAL_FORMS, SCRIPT_NONE, SCRIPTS

CODE_POINTS = 0x110000

GENERAL_CATEGORIES = {
    "letter": "L",
    "mark": "M",
    "number": "N",
    "punctuation": "P",
    "symbol": "S",
    "space": "Z",
    "control": "Cc",
    "format": "Cf",
}
WORD_BREAKS = {name: name.title().replace("_", "") for name in BREAKS} | {
    "zwj": "ZWJ",
    "cr": "CR",
    "lf": "LF",
}
NON_SPACING_CLASSES = [*range(1, 37), 84, 91, 103, 107, 118, 122, 129, 130, 132, *range(200, 241)]


def _members(properties: str) -> npt.NDArray[np.bool_]:
    """bool[0x110000]: code points that match a regex character class."""
    found = np.zeros(CODE_POINTS, dtype=np.bool_)
    text = "".join(map(chr, range(CODE_POINTS)))
    for match in regex.finditer(f"(?V1){properties}+", text):
        found[match.start() : match.end()] = True
    return found


def unicode_version() -> str:
    """Return the Unicode version of the installed `regex`, as its own description states it."""
    described = str(metadata("regex").json["description"])
    stated = re.search(r"supports Unicode (\d+\.\d+\.\d+)", described)
    if stated is None:
        raise RuntimeError("the installed regex package does not state its Unicode version")
    return stated.group(1)


def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(CODE_POINTS, dtype=np.uint8)
    for name, category in GENERAL_CATEGORIES.items():
        kinds[_members(rf"\p{{{category}}}")] = KINDS.index(name)
    kinds[_members(r"\p{White_Space}")] = KINDS.index("space")
    return kinds


def _word_breaks() -> npt.NDArray[np.uint8]:
    breaks = np.zeros(CODE_POINTS, dtype=np.uint8)
    for index, name in enumerate(BREAKS):
        breaks[_members(rf"\p{{WB={WORD_BREAKS[name]}}}")] = index
    return breaks


def _scripts(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    scripts = np.full(CODE_POINTS, SCRIPTS.index("other"), dtype=np.uint8)
    letter = kinds == KINDS.index("letter")
    scripts[_members(r"[\p{sc=Common}\p{sc=Inherited}\p{sc=Unknown}]") & ~letter] = SCRIPT_NONE
    for index, name in enumerate(SCRIPTS):
        if name not in ("kana", "other"):
            scripts[_members(rf"\p{{sc={name.title()}}}")] = index
    kana = _members(r"[\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Katakana_Or_Hiragana}]")
    # The prolonged sound mark and its kin are Common in `sc` and yet written in kana text alone.
    kana |= letter & _members(r"[\p{scx=Hiragana}\p{scx=Katakana}--\p{scx=Han}]")
    scripts[kana] = SCRIPTS.index("kana")
    # A script is asked of letters and of ideographs; other characters need none, and fewer
    # distinctions keep the classes within a byte.
    scripts[~letter & (scripts != SCRIPTS.index("han"))] = SCRIPT_NONE
    return scripts


def _lower_pairs() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Code points with a simple lower-case mapping, and what they map to."""
    changing = np.flatnonzero(_members(r"\p{Changes_When_Lowercased}"))
    changes = set(changing.tolist())
    pairs = []
    for point in changing.tolist():
        lowered = chr(point).lower()
        if lowered == chr(point):
            others = [other for other in _regex.get_all_cases(0, point) if other not in changes]
            if len(others) != 1:
                raise RuntimeError(f"U+{point:04X} has no single lower-case partner: {others}")
            lowered = chr(others[0])
        # Only U+0130 lowers to two characters; its simple mapping is the first of them.
        pairs.append((point, ord(lowered[0])))
    array = np.array(pairs, dtype=np.uint32)
    return array[:, 0], array[:, 1]


def _runs(values: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Return starts and values of the runs of equal values."""
    starts = np.flatnonzero(np.diff(values, prepend=values[0] + np.uint8(1)))
    return starts.astype(np.uint32), values[starts]


def build() -> dict[str, Any]:
    """Return all arrays of the file by name.

    Raises
    ------
    RuntimeError
        When there would be more than 255 classes (255 is no character's) or a mapping past `LOWER_LIMIT`.
    """
    kinds, breaks = _kinds(), _word_breaks()
    scripts = _scripts(kinds)
    pictographic = _members(r"\p{Extended_Pictographic}").astype(np.uint8)
    attributes = np.stack([kinds, scripts, breaks, pictographic], axis=1)
    rows, class_of = np.unique(attributes, axis=0, return_inverse=True)
    if len(rows) > 255:
        raise RuntimeError(f"{len(rows)} classes do not fit a byte")
    quick_check = np.zeros(CODE_POINTS, dtype=np.uint8)
    for bit, form in enumerate(NORMAL_FORMS):
        quick_check[~_members(rf"\p{{{form}_Quick_Check=Yes}}")] |= np.uint8(1 << bit)
    combining = np.zeros(CODE_POINTS, dtype=np.uint8)
    lower_from, lower_to = _lower_pairs()
    if int(lower_from.max()) >= LOWER_LIMIT:
        raise RuntimeError(f"U+{int(lower_from.max()):04X} has a lower-case mapping")
    for value in NON_SPACING_CLASSES:
        try:
            combining[_members(rf"\p{{ccc={value}}}")] = value
        except regex.error:
            continue
    spaced = ~_members(r"\p{ccc=0}")
    if not np.array_equal(spaced, combining != 0):
        raise RuntimeError("a canonical combining class is missing from NON_SPACING_CLASSES")
    stored: dict[str, Any] = {"version": np.array(unicode_version())}
    for name, values in (
        ("class_of", class_of.reshape(-1).astype(np.uint8)),
        ("quick_check", quick_check),
        ("combining", combining),
    ):
        stored[f"{name}_starts"], stored[f"{name}_values"] = _runs(values)
    for column, name in enumerate(("kind", "script", "word_break", "pictographic")):
        stored[name] = np.ascontiguousarray(rows[:, column])
    stored["lower_from"], stored["lower_to"] = lower_from, lower_to
    return stored


def main() -> None:
    """Write the file beside this module."""
    path = Path(__file__).with_name(FILE)
    stored = build()
    np.savez_compressed(path, **stored)
    sys.stdout.write(
        f"{path.name}: Unicode {stored['version']}, {len(stored['kind'])} classes, {path.stat().st_size} bytes\n"
    )


if __name__ == "__main__":
    main()
