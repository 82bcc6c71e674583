"""Measuring texts that are already in memory: the same signals as a run stores, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.conditions import evaluate
from datagov.errors import ConfigError, InputError
from datagov.labels import label_of
from datagov.policy import CROSSING, Bound, crossings, values
from datagov.profiles import Profile, load_profile
from datagov.quantiles import quantile_of
from datagov.signals.imported import measured
from datagov.text.batch import TextBatch

__all__ = ["measure", "measure_lines"]

BATCH_BYTES = 16 * 2**20
"""Most text measured at once."""

Texts: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str | None]


def measure(texts: Texts, profile: str | Path | Profile, *, crossed: bool = False) -> pa.Table:
    """Measure texts with all signals of a profile.

    Parameters
    ----------
    texts : pyarrow Array or ChunkedArray of string, large_string or string_view, or sequence of str
        N texts; NULL (None) has no values.
    profile : str, Path or Profile
        A shipped profile's name, the path of a profile file, or `datagov.profiles.load_profile`'s result.
    crossed : bool
        Also say which bounds each text crossed.

    Returns
    -------
    Table
        N rows. A DOUBLE column under each rule's name, a string column where it is a label; NULL where it is
        undefined. With `crossed`, the column
        `crossed`: a list of structs rule, value, bound (min | max | missing | where), limit; empty where the
        profile keeps the text, NULL where the text is. Quantile bounds are taken over the texts given, all in one.

    Raises
    ------
    ConfigError
        There is no such profile, or one of its families cannot be measured with.
    InputError
        The texts are no texts; or a value is undefined where its bound says `missing: fail`.
    """
    chosen = profile if isinstance(profile, Profile) else load_profile(profile)
    column = as_texts(texts)
    sound = column.drop_null()
    families = [(chosen.family(name), params) for name, params in chosen.families.items()]
    pieces: list[list[pa.RecordBatch]] = [[] for _ in families]
    for batch in batches(sound):
        for piece, (family, params) in zip(pieces, families, strict=True):
            piece.append(measured(family, batch, params))
    found: dict[str, pa.Array] = {}
    for piece, (family, _) in zip(pieces, families, strict=True):
        found |= values(pa.Table.from_batches(piece), family.rules)
    names = {rule.name for family, _ in families for rule in family.rules if rule.is_label}
    result = pa.table({name: labels(found[name]) if name in names else found[name] for name in found})
    if crossed:
        result = result.append_column("crossed", outcome(chosen, found, rows=len(sound)))
    return spread(result, column)


def measure_lines(texts: Texts, profile: str | Path | Profile) -> pa.Table:
    """Measure the single lines of texts with those families of a profile that do, such as `redpajama-v2`'s.

    Parameters
    ----------
    texts, profile
        As `measure` takes them.

    Returns
    -------
    Table
        A row a line that is not blank, in order: `row` (of the texts), `line` (of the text, from 0), `start`, `end`
        (its code points, the last exclusive), all int64; and a DOUBLE column under each rule's name, NULL where it
        is undefined.

    Raises
    ------
    ConfigError
        There is no such profile, one of its families cannot be measured with, or none measures lines.
    InputError
        The texts are no texts.
    """
    chosen = profile if isinstance(profile, Profile) else load_profile(profile)
    families = [(chosen.family(name), params) for name, params in chosen.families.items()]
    by_line = [(each.by_line, params, each.rules) for each, params in families if each.by_line is not None]
    if not by_line:
        raise ConfigError(f"Profile {chosen.name!r} measures no lines. The family 'line_signals' does.")
    column = as_texts(texts)
    rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    first, pieces = 0, []
    for batch in batches(column.drop_null()):
        piece: dict[str, pa.Array] = {}
        for measured_by_line, params, rules in by_line:
            lines = measured_by_line(batch, params)
            place = rows[first + lines.column("row").to_numpy()] if lines.num_rows else np.zeros(0, np.int64)
            piece |= {"row": pa.array(place, pa.int64())}
            piece |= {name: lines.column(name) for name in ("line", "start", "end")}
            piece |= values(lines, rules)
        pieces.append(pa.table(piece))
        first += batch.n
    return pa.concat_tables(pieces)


def labels(codes: pa.DoubleArray) -> pa.StringArray:
    """Return what labels' numbers say; NULL stays."""
    encoded = codes.dictionary_encode()
    names = pa.array([label_of(code) for code in encoded.dictionary.to_pylist()], pa.string())
    return names.take(encoded.indices)


def as_texts(texts: Texts) -> pa.LargeStringArray:
    """Return texts as one large_string array."""
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        if isinstance(texts, str | bytes):
            raise InputError("measure takes many texts: give a list or an Arrow array, not one text.")
        try:
            texts = pa.array(texts, pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
            raise InputError(f"measure takes texts or None: {error}.") from error
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise InputError(f"measure takes texts (string or large_string), not {texts.type}.")
    column = texts.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())
    return column


def batches(texts: pa.LargeStringArray) -> Iterator[TextBatch]:
    """Yield the texts in batches of at most `BATCH_BYTES`, a longer one alone; one empty batch of none."""
    sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
    number = (np.cumsum(sizes) - sizes) // BATCH_BYTES
    starts = np.flatnonzero(np.diff(number, prepend=-1)) if len(texts) else np.array([0])
    for start, stop in zip(starts, [*starts[1:], len(texts)], strict=True):
        yield TextBatch(pa.concat_arrays([texts.slice(start, stop - start)]))


def outcome(profile: Profile, found: dict[str, pa.Array], *, rows: int) -> pa.ListArray:
    """Return what each text crossed: its bounds in order, then the conditions it does not meet."""
    limits = {
        (bound.signal, name): limit_over(found[bound.signal], bound, name)
        for bound in profile.bounds
        for name in bound.quantiles
    }
    by_bound = crossings(found, profile.bounds, rows=rows, limits=limits)
    places = [np.repeat(np.arange(rows), np.diff(by_bound.offsets.to_numpy()))]
    structs = [by_bound.flatten()]
    for condition in profile.conditions:
        met = evaluate(condition.tree, found, rows=rows)
        if condition.missing == "fail" and met.null_count:
            raise InputError(
                f"{condition.name}: is undefined for {met.null_count} texts and says `missing: fail`."
            )
        unmet = np.flatnonzero(~met.fill_null(condition.missing != "drop").to_numpy(zero_copy_only=False))
        count = len(unmet)
        undefined = met.is_null().to_numpy(zero_copy_only=False)[unmet].astype(np.int8)
        columns = {
            "rule": pa.array([condition.name] * count, pa.string()),
            "value": pa.nulls(count, pa.float64()),
            "bound": pa.array(["where", "missing"]).take(pa.array(undefined)),
            "limit": pa.nulls(count, pa.float64()),
        }
        places.append(unmet)
        structs.append(pa.StructArray.from_arrays([columns[f.name] for f in CROSSING], fields=list(CROSSING)))
    place = np.concatenate(places)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(place, minlength=rows), out=offsets[1:])
    order = pa.array(np.argsort(place, kind="stable"))
    return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(structs).take(order))


def limit_over(found: pa.DoubleArray, bound: Bound, name: str) -> float:
    """Return what a bound's quantile comes to; NaN of no value, which limits nothing."""
    distinct, counts = np.unique(found.drop_null().to_numpy(), return_counts=True)
    limit = quantile_of(distinct, counts, bound.quantiles[name])
    return float("nan") if limit is None else limit


def spread(table: pa.Table, texts: pa.Array) -> pa.Table:
    """Return the rows of the texts that are there in the places they have among all."""
    if not texts.null_count:
        return table
    present: Any = texts.is_valid().to_numpy(zero_copy_only=False)
    place = np.where(present, np.cumsum(present) - 1, 0)
    return table.take(pa.array(place, mask=~present))
