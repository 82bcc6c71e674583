"""Family url_lists@1: what of lists of domains, URLs and words a document's URL meets; used under names of recipes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError
from datagov.extras import named
from datagov.model_files import ModelFile
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.urls.lists import UrlLists, read_lists
from datagov.urls.match import UrlMatcher, counts_of

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["URL_LISTS", "locate", "measure", "prepare"]


def prepare(params: Params) -> Params:
    """Return the parameters with the library of public suffixes, and how many entries there are.

    Raises
    ------
    ConfigError
        The folder holds no lists, or not those asked for; or the library is missing or another.
    """
    by = named("publicsuffixlist")
    if params["by"] not in (None, by):
        raise ConfigError(
            f"{params['by']!r} is asked for, and this process has {by!r}: install that version."
        )
    categories = (
        [params["categories"]] if isinstance(params["categories"], str) else sorted(params["categories"])
    )
    resolved = {**params, "categories": categories, "by": by}
    lists, _ = lists_of(resolved)
    return {**resolved, "entries": lists.entries}


def lists_of(params: Params) -> tuple[UrlLists, UrlMatcher]:
    """Return the lists that the parameters name; read once a process."""
    return loaded(params["lists"], tuple(params["categories"]), params["by"])


@lru_cache(maxsize=4)
def loaded(file: ModelFile, categories: tuple[str, ...], by: str | None) -> tuple[UrlLists, UrlMatcher]:
    """Read the lists, after a look whether they are those the recipe was read with."""
    file.check()
    lists = read_lists(Path(file.path), categories)
    return lists, UrlMatcher(lists, by)


def listed_words(urls: pa.LargeStringArray, words: set[str]) -> npt.NDArray[np.int64]:
    """Return int64[N]: words of each URL (runs of letters and digits) that are listed."""
    if not words:
        return np.zeros(len(urls), np.int64)
    split = pc.split_pattern_regex(pc.utf8_lower(urls), r"[^\pL\pN]+")
    met = pc.is_in(split.flatten(), pa.array(sorted(words), pa.large_string())).to_numpy(zero_copy_only=False)
    rows = pc.list_parent_indices(split).to_numpy(zero_copy_only=False)
    return counts_of(rows[met], len(urls))


def listed_substrings(urls: pa.LargeStringArray, substrings: set[str]) -> npt.NDArray[np.int64]:
    """Return int64[N]: listed strings that stand in the letters and digits of each URL, joined."""
    found = np.zeros(len(urls), np.int64)
    if substrings:
        joined = pc.replace_substring_regex(pc.utf8_lower(urls), r"[^\pL\pN]+", "")
        for each in sorted(substrings):
            found += pc.match_substring(joined, each).to_numpy(zero_copy_only=False)
    return found


def locate(batch: TextBatch, params: Params) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the columns of url_lists@1 for a batch of URLs, and the entries met, by row and start.

    All columns are int64 and never NULL. An entry has `row`, `rule` (host or path), `start` and `end` (code points of the
    URL) and, in `term`, category and entry.
    """
    lists, matcher = lists_of(params)
    hits = sorted(
        matcher.hits(batch.texts), key=lambda hit: (hit.row, hit.start, hit.end, hit.rule, hit.term)
    )
    counts = {
        "hosts": counts_of((hit.row for hit in hits if hit.rule == "host"), batch.n),
        "paths": counts_of((hit.row for hit in hits if hit.rule == "path"), batch.n),
        "words": listed_words(batch.texts, lists.words),
        "soft_words": listed_words(batch.texts, lists.soft_words),
        "substrings": listed_substrings(batch.texts, lists.substrings),
    }
    spans = {
        "row": pa.array([hit.row for hit in hits], pa.int64()),
        "rule": pa.array([hit.rule for hit in hits], pa.string()),
        "start": pa.array([hit.start for hit in hits], pa.int64()),
        "end": pa.array([hit.end for hit in hits], pa.int64()),
        "term": pa.array([hit.term for hit in hits], pa.string()),
    }
    columns = {name: pa.array(found) for name, found in counts.items()}
    return pa.RecordBatch.from_pydict(columns), pa.RecordBatch.from_pydict(spans)


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of url_lists@1 for a batch of URLs, all int64 and never NULL."""
    return locate(batch, params)[0]


NO_URL = "the document has no URL"
DATATROVE = (
    "datatrove 0.10.1, url_filter.py, after RefinedWeb (Penedo et al. 2023, arXiv 2306.01116), appendix G.1"
)

URL_LISTS = SignalFamily(
    name="url_lists",
    version=1,
    measure=measure,
    locate=locate,
    rules=(
        RuleInfo(
            name="host_count",
            numerator="hosts",
            denominator=None,
            unit="entries",
            formula=(
                "Listed domains, counted once for each category, that the URL's host is or lies in on a label boundary, down to its "
                "registered domain; a listed public suffix is met by that very host alone."
            ),
            value_range=(0.0, None),
            null_when=NO_URL,
            source=DATATROVE,
            differs="datatrove looks up the registered domain and the full host, nothing between them.",
        ),
        RuleInfo(
            name="path_count",
            numerator="paths",
            denominator=None,
            unit="entries",
            formula=(
                "Listed URLs, scheme, port and www. left out, that the document's URL is or begins with, up to a boundary of its "
                "path or query."
            ),
            value_range=(0.0, None),
            null_when=NO_URL,
            source="MAP-CC (Du et al. 2024, arXiv 2404.04167), released scripts, URL filter",
            differs="MAP-CC takes any beginning: there a.com/x is met by a.com/xyz.",
        ),
        RuleInfo(
            name="hard_word_count",
            numerator="words",
            denominator=None,
            unit="words",
            formula="Words of the URL, which are its runs of letters and digits, that are listed under `words`.",
            value_range=(0.0, None),
            null_when=NO_URL,
            source=DATATROVE,
        ),
        RuleInfo(
            name="soft_word_count",
            numerator="soft_words",
            denominator=None,
            unit="words",
            formula="Words of the URL that are listed under `soft_words`; datatrove drops documents with two or more.",
            value_range=(0.0, None),
            null_when=NO_URL,
            source=DATATROVE,
        ),
        RuleInfo(
            name="substring_count",
            numerator="substrings",
            denominator=None,
            unit="entries",
            formula="Different entries of `substrings` that stand in the URL's letters and digits, joined.",
            value_range=(0.0, None),
            null_when=NO_URL,
            source=DATATROVE,
        ),
    ),
    defaults={"categories": [], "by": None},
    required=("lists",),
    files=("lists",),
    prepare=prepare,
    column="url",
)
