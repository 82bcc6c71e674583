"""The edit `simplify`: traditional Chinese to simplified, by OpenCC.

OpenCC is asked only about documents that hold a character it may change, or one of the few pairs of
characters that begin a phrase it changes though it changes none of the characters by itself
(英哩 to 英里). All others come through untouched, which is most of a simplified corpus.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.edits.edited import Edited, changes, replaced
from datagov.errors import ConfigError, did_you_mean
from datagov.extras import load
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CHECKED_WITH", "CONFIGS", "COUNTS", "PHRASE_STARTS", "apply", "counterparts", "may_change"]

COUNTS = ("chars_converted",)

CONFIGS: Final = {"t2s": ("t2s",), "tw2s": ("tw2s", "tw2t"), "hk2s": ("hk2s", "hk2t")}
"""Conversion -> itself, and the conversion that is its first half: a character is asked about if either
changes it. Those with regional vocabulary (`tw2sp`, `hk2sp`) change phrases of plain characters and are
left out."""

CHECKED_WITH: Final = "opencc 1.4.2"
"""The version whose dictionaries `PHRASE_STARTS` was read from; with another, every document is asked
about."""

PHRASE_STARTS: Final = """
    一坏 一目 上梁 下梁 不瞭 主梁 以免 光脊 凌藉 函覆 反反 反覆 回覆 圈梁 土坏 坏土 坏子 坏布 墨沈 大梁 小丑 屋梁 山梁 平梁
    想像 意志 戳脊 打坏 扛大 批覆 找藉 折戟 拉坏 拜覆 挑大 挑正 捏坏 提梁 明瞭 明覆 昏沈 暗沈 木梁 架梁 架海 柱梁 梁上 梁子
    梁木 梁架 梁柱 椽梁 正梁 毛坏 沈下 沈冤 沈厚 沈吟 沈寂 沈思 沈浮 沈浸 沈湎 沈溺 沈甸 沈痛 沈痼 沈睡 沈砂 沈筒 沈船 沈落
    沈迷 沈醉 沈重 沈降 沈陷 沈香 沈默 河梁 泰山 津梁 浮沈 海哩 深沈 滑藉 濠梁 狐藉 玳梁 玳瑁 甦生 甦醒 申覆 瞭如 瞭然 瞭若
    瞭解 石梁 破釜 磨脊 示覆 空梁 答覆 箱梁 素藉 耳沈 背梁 脊梁 英哩 茵藉 落月 藉代 藉以 藉助 藉卉 藉口 藉喻 藉寇 藉手 藉故
    藉方 藉槁 藉此 藉甚 藉由 藉着 藉端 蠹啄 衹得 覆信 覆呈 覆命 覆墓 覆按 覆文 覆校 跳梁 重覆 陶坏 雕梁 黑沈 鼻梁
"""
"""First two characters of the phrases in the dictionaries TSPhrases, TWVariantsRevPhrases and
HKVariantsRevPhrases that hold no character which is changed by itself."""

POINTS: Final = 0x110000
PLAIN, CHANGES, BEGINS = 0, 1, 2
THIRTY_TWO: Final = np.uint64(32)


@lru_cache(maxsize=4)
def _converter(config: str) -> Any:
    """OpenCC's converter; one a process."""
    return load("opencc", expected=None).OpenCC(config)


@lru_cache(maxsize=4)
def _roles(config: str) -> npt.NDArray[np.uint8]:
    """uint8[POINTS]: CHANGES where a conversion changes the character, BEGINS where a phrase begins with it."""
    roles = np.zeros(POINTS, np.uint8)
    for start in PHRASE_STARTS.split():
        roles[ord(start[0])] = BEGINS
    characters = [chr(at) for at in range(0x80, POINTS) if not 0xD800 <= at < 0xE000]
    for half in CONFIGS[config]:
        converted = _converter(half).convert("\n".join(characters)).split("\n")
        for character, other in zip(characters, converted, strict=True):
            if character != other:
                roles[ord(character)] = CHANGES
    return roles


@lru_cache(maxsize=1)
def _starts() -> npt.NDArray[np.uint64]:
    """uint64[S], ascending: the two characters of each phrase start in one number."""
    return np.array(sorted(ord(start[0]) << 32 | ord(start[1]) for start in PHRASE_STARTS.split()), np.uint64)


@kernel
def _flagged(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    roles: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.uint64],
) -> npt.NDArray[np.bool_]:
    """bool[N]: rows that hold a character that changes, or a phrase start."""
    flagged = np.zeros(offsets.shape[0] - 1, np.bool_)
    for row in range(offsets.shape[0] - 1):
        for at in range(offsets[row], offsets[row + 1]):
            role = roles[points[at]]
            if role == CHANGES:
                flagged[row] = True
                break
            if role == BEGINS and at + 1 < offsets[row + 1]:
                pair = np.uint64(points[at]) << THIRTY_TWO | np.uint64(points[at + 1])
                place = np.searchsorted(starts, pair)
                if place < starts.shape[0] and starts[place] == pair:
                    flagged[row] = True
                    break
    return flagged


def may_change(batch: TextBatch, config: str) -> npt.NDArray[np.bool_]:
    """Return bool[N]: the documents OpenCC has to be asked about; it changes none of the others."""
    return _flagged(batch.code_points, batch.offsets, _roles(config), _starts())


def apply(
    batch: TextBatch, *, config: Literal["t2s", "tw2s", "hk2s"] = "t2s", by: str | None = None
) -> Edited:
    """Convert traditional characters, and phrases that are written otherwise, to simplified Chinese.

    Parameters
    ----------
    batch : TextBatch
    config : str
        t2s from any traditional text; tw2s and hk2s undo the variants of Taiwan and Hong Kong first.
    by : str or None
        The library the work was planned with, as `extras.named` says it.

    Returns
    -------
    Edited
        `chars_converted` counts the places at which the text changed. A conversion changes no text's
        length in code points.

    Raises
    ------
    ConfigError
        There is no such conversion, or OpenCC is missing or of another version than planned with.

    Source
    ------
    OpenCC, https://github.com/BYVoid/OpenCC.
    """
    if config not in CONFIGS:
        raise ConfigError(f"simplify: there is no conversion {config!r}. {did_you_mean(config, CONFIGS)}")
    load("opencc", expected=by)
    known = by == CHECKED_WITH
    rows = np.flatnonzero(may_change(batch, config)) if known else np.arange(batch.n)
    before = batch.texts.take(pa.array(rows, pa.int64())).to_pylist()
    convert = _converter(config).convert
    after = [convert(text) for text in before]
    converted = np.zeros(batch.n, np.int64)
    for row, old, new in zip(rows, before, after, strict=True):
        if old != new:
            if len(old) != len(new):
                raise ConfigError(f"simplify: {config} of OpenCC changed the length of a text; use t2s")
            converted[row] = _differences(old, new)
    changed = converted > 0
    texts = replaced(
        batch.texts,
        changed,
        pa.array([new for new, old in zip(after, before, strict=True) if new != old], pa.large_string()),
    )
    return Edited(texts, changes(batch.texts, texts, changed, chars_converted=converted))


def _differences(old: str, new: str) -> int:
    """Return at how many places two texts of one length differ."""
    left, right = (np.frombuffer(text.encode("utf-32-le"), np.uint32) for text in (old, new))
    return int(np.count_nonzero(left != right))


def counterparts(characters: str) -> str:
    """Return pairs of a traditional character and its simplified one, end to end, for characters of interest.

    Those whose simplified form is one of `characters`, or that of one of them, in the order of their code points.

    Raises
    ------
    ConfigError
        OpenCC is not installed.
    """
    convert = _converter("t2s").convert
    wanted = set(characters) | set(convert("\n".join(characters)))
    written = [chr(at) for at in range(0x3400, 0x32000) if not 0xA4D0 <= at < 0xF900]
    simplified = convert("\n".join(written)).split("\n")
    return "".join(
        old + new for old, new in zip(written, simplified, strict=True) if old != new and new in wanted
    )
