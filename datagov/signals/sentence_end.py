"""The characters that end a sentence."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SENTENCE_TERMINAL", "sentence_end_table"]

SENTENCE_TERMINAL = """
    0021 002E 003F 0589 061D-061F 06D4 0700-0702 07F9 0837 0839 083D-083E 0964-0965 104A-104B 1362
    1367-1368 166E 1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B4E-1B4F 1B5A-1B5B
    1B5E-1B5F 1B7D-1B7F 1C3B-1C3C 1C7E-1C7F 2024 203C-203D 2047-2049 2CF9-2CFB 2E2E 2E3C 2E53-2E54
    2E60-2E61 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB
    FE12 FE15-FE16 FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048
    110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 113D4-113D5
    1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C
    11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16D6E-16D6F 16E98 1BC9F 1DA88
"""
"""Code points and ranges (both ends included, hexadecimal) that count as terminal punctuation:
Unicode's property Sentence_Terminal, with three Khmer signs that end a passage.

Source
------
Unicode Character Database, PropList.txt, up to Unicode 16; the set that FineWeb's and FineWeb2's
bounds were fitted on (datatrove 0.10.1, text.py) is this one without the 16 characters that Unicode
added to the property later and with the same Khmer signs.
"""


@lru_cache(maxsize=16)
def sentence_end_table(also: str) -> npt.NDArray[np.uint8]:
    """Return uint8[L]: 1 for code points that end a sentence, or are named in `also`; 0 past its end.

    Parameters
    ----------
    also : str
        Further characters, such as `；…”`.
    """
    ranges = [item.partition("-") for item in SENTENCE_TERMINAL.split()]
    spans = [(int(first, 16), int(last or first, 16)) for first, _, last in ranges]
    spans += [(ord(character), ord(character)) for character in also]
    table = np.zeros(max(last for _, last in spans) + 1, np.uint8)
    for first, last in spans:
        table[first : last + 1] = 1
    table.flags.writeable = False
    return table
