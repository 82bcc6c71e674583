"""Every error of the project crosses process boundaries and says how the process ends."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from datagov import errors
from datagov.errors import DatagovError

EXIT_CODES = {"ConfigError": 2, "InputError": 3, "TargetError": 4, "PartialRun": 5, "LedgerError": 1}


def tree(kind: type[DatagovError] = DatagovError) -> Iterator[type[DatagovError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("kind", sorted(set(tree()), key=lambda kind: kind.__name__))
def test_an_error_pickles_with_its_message(kind: type[DatagovError]) -> None:
    error = kind("zh/part-0.parquet:7: 坏的")
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert again.message == str(again) == error.message
    assert again.exit_code == error.exit_code
    assert vars(again) == vars(error)


def test_what_an_error_carries_besides_its_message_is_kept() -> None:
    error = errors.DamagedShard("part-0.parquet: cannot be read")
    error.shard = "part-0.parquet"
    assert pickle.loads(pickle.dumps(error)).shard == "part-0.parquet"


def test_all_errors_are_in_the_tree_and_exported() -> None:
    for kind in tree():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in errors.__all__
            assert kind.__name__ in (errors.__doc__ or "")
    codes = {kind.__name__: kind.exit_code for kind in tree()}
    assert {name: codes[name] for name in EXIT_CODES} == EXIT_CODES
