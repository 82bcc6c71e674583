"""Common stand-ins for characters of Chinese abuse: sounded the same, or drawn alike, to pass a filter."""

from __future__ import annotations

from typing import Final

__all__ = ["FEWEST_HAN", "GROUPS", "group_of_point"]

FEWEST_HAN: Final = 3
"""Han characters a term needs before stand-ins are looked for: in shorter ones they are ordinary words (你吗, 马的)."""

GROUPS: Final = (
    "操草艹肏曹糙",
    "你尼泥妮伱",
    "妈马玛吗嘛麻",
    "逼比笔币屄",
    "傻煞沙",
    "鸡机基几",
    "巴吧八",
    "婊表裱",
    "屌吊叼",
    "贱溅",
    "淫婬",
    "娘酿",
    "蛋旦",
    "骚搔",
    "日曰",
)
"""Groups of characters that stand for one another in terms of FEWEST_HAN Han characters or more.

Source
------
Our own, from common usage; no list was copied. Characters that are as common as the one they stand for (是, 十) are
left out.
"""


def group_of_point() -> dict[int, int]:
    """Return code point -> code point of the first of its group, for the characters of GROUPS."""
    return {ord(member): ord(group[0]) for group in GROUPS for member in group}
