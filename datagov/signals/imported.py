"""Families that users wrote: named by `module:attribute`, or added by an installed package.

A user's code runs here and nowhere else in the core: when its module is imported, and when its `measure`
is called. Whatever it raises, and whatever it returns that a family must not return, becomes a ConfigError
that names the family.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from datagov.errors import ConfigError, did_you_mean
from datagov.ids import digest
from datagov.rule import Origin, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datagov.rule import Params
    from datagov.text.batch import TextBatch

__all__ = ["ENTRY_POINTS", "import_family", "installed", "measured", "refuse_clashes"]

ENTRY_POINTS = "datagov.signals"
"""Entry-point group of installed packages: family name = module:attribute."""

PATH = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$")
NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def import_family(path: str, beside: str = "") -> SignalFamily:
    """Import a family, and note where it came from.

    Parameters
    ----------
    path : str
        `module:attribute`.
    beside : str
        A folder in which the module is looked for after all other places; the recipe's.

    Returns
    -------
    SignalFamily
        Its `origin` holds the path and a digest of the source.

    Raises
    ------
    ConfigError
        The module cannot be imported, has no such attribute, or the attribute is not a sound SignalFamily.
    """
    if not PATH.match(path):
        raise ConfigError(f"{path!r} does not name a family: expected module:attribute.")
    module_name, _, attribute = path.partition(":")
    if beside and beside not in sys.path:
        sys.path.append(beside)
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            places = f"installed, on PYTHONPATH{f' or in {beside}' if beside else ''}"
            raise ConfigError(f"{path}: there is no module {error.name!r} that is {places}.") from None
        raise ConfigError(f"{path}: the module cannot be imported: {error}.") from error
    except Exception as error:  # a border: a user's module may raise anything
        raise ConfigError(f"{path}: the module cannot be imported: {told(error)}.") from error
    found = getattr(module, attribute, None)
    if not isinstance(found, SignalFamily):
        families = [name for name, value in vars(module).items() if isinstance(value, SignalFamily)]
        what = (
            f"is {type(found).__name__}, not a SignalFamily" if hasattr(module, attribute) else "is not there"
        )
        hint = did_you_mean(attribute, families) if families else "The module holds no SignalFamily."
        raise ConfigError(f"{path}: {attribute!r} {what}. {hint}")
    check(found, path)
    return replace(found, origin=Origin(path, source_digest(found, module_name, path)))


def installed() -> dict[str, EntryPoint]:
    """Return the families that installed packages add, by name; none of them is imported."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def check(family: SignalFamily, path: str) -> None:
    """Raise ConfigError unless a user's family is made as families are."""
    if not isinstance(family.name, str) or not NAME.match(family.name):
        raise ConfigError(f"{path}: name {family.name!r} must be of a-z, 0-9 and _, and begin with a letter.")
    if isinstance(family.version, bool) or not isinstance(family.version, int) or family.version < 1:
        raise ConfigError(f"{path}: version {family.version!r} must be a whole number from 1.")
    if not callable(family.measure):
        raise ConfigError(f"{path}: measure must be a function of a batch and parameters.")
    if family.locate is not None:
        raise ConfigError(f"{path}: only families of datagov say where in a text; leave locate out.")
    if not isinstance(family.rules, tuple) or not all(isinstance(rule, RuleInfo) for rule in family.rules):
        raise ConfigError(f"{path}: rules must be a tuple of RuleInfo.")
    names = [rule.name for rule in family.rules]
    if not names:
        raise ConfigError(f"{path}: the family has no rules: nothing could be said with it.")
    for name in names:
        if not NAME.match(name):
            raise ConfigError(f"{path}: rule {name!r} must be of a-z, 0-9 and _, and begin with a letter.")
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two rules are called {name!r}.")


def refuse_clashes(family: SignalFamily, others: Iterable[SignalFamily]) -> None:
    """Raise ConfigError if a user's family has the name, or a rule's name, of another family.

    Bounds, reasons and queries name a rule by its plain name; two of one name could not be told apart.
    """
    where = family.origin.path if family.origin is not None else family.id
    for other in others:
        if other.name == family.name and (other.origin, other.of) != (family.origin, family.of):
            raise ConfigError(f"{where}: there is a family {other.id!r} already; give yours another name.")
        if other.name == family.name:
            continue
        for rule in family.rules:
            if any(rule.name == theirs.name for theirs in other.rules):
                raise ConfigError(
                    f"{where}: {other.id!r} has a rule {rule.name!r} already; give yours another name."
                )


def source_digest(family: SignalFamily, module_name: str, path: str) -> str:
    """Return a digest of the files that define a family: its module, and that of its `measure`."""
    names = {module_name, getattr(family.measure, "__module__", module_name) or module_name}
    contents = []
    for name in sorted(names):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None or not Path(file).is_file():
            raise ConfigError(f"{path}: module {name!r} is not a file; workers could not import it.")
        contents.append(Path(file).read_bytes())
    return digest(*contents)


def measured(family: SignalFamily, batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Measure a batch with any family, and check that the table is the one it declares.

    Raises
    ------
    ConfigError
        A user's family raised an error, or its table has other rows, columns or types than it should.
    """
    if family.origin is None:
        return family.measure(batch, params)
    where = family.origin.path
    try:
        table = family.measure(batch, params)
    except Exception as error:  # a border: so may a user's measure
        raise ConfigError(f"{where}: measure raised {told(error)}.") from error
    if not isinstance(table, pa.RecordBatch):
        raise ConfigError(
            f"{where}: measure returned {type(table).__name__}, expected a pyarrow.RecordBatch."
        )
    if table.num_rows != batch.n:
        raise ConfigError(f"{where}: measure returned {table.num_rows} rows for {batch.n} documents.")
    declared = family.columns
    for name in table.schema.names:
        if name not in declared:
            raise ConfigError(f"{where}: no rule speaks of column {name!r}. {did_you_mean(name, declared)}")
    for name in declared:
        if table.schema.names.count(name) != 1:
            raise ConfigError(f"{where}: column {name!r}, of which a rule speaks, was not returned (once).")
        if table.schema.field(name).type != pa.int64():
            raise ConfigError(
                f"{where}: column {name!r} is {table.schema.field(name).type}, expected int64: signals are counts, "
                "and a ratio is two of them."
            )
    return table.select(declared)


def told(error: Exception) -> str:
    """Return an error of foreign code in a line, with the place where it was raised."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f" ({last.tb_frame.f_code.co_filename}:{last.tb_lineno})" if last is not None else ""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{where}"
