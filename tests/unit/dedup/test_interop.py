from __future__ import annotations

import copy
import math
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasketch
import numpy as np
import pytest

from datagov.dedup.interop import datasketch_scheme, exported_seed, from_datasketch, to_datasketch
from datagov.dedup.minhash import Scheme, band_keys, minima, signatures
from datagov.errors import ConfigError, InputError

SCHEME = Scheme(14, 8, 5)
Make = Callable[..., tuple[np.ndarray, np.ndarray]]


def test_exported_signatures_compare_as_ours_do(pairs_of: Make) -> None:
    signature = signatures(*pairs_of(10, 80, 20, seed=1), SCHEME)
    objects = to_datasketch(signature, SCHEME)
    for i in range(0, 20, 2):
        assert isinstance(objects[i], datasketch.MinHash)
        assert objects[i].jaccard(objects[i + 1]) == (signature[i] == signature[i + 1]).mean()
    back, present = from_datasketch(objects, SCHEME)
    assert back.tolist() == signature.tolist()
    assert present.all()
    # 100 shingles a document, estimated from 112 rows: five standard errors.
    assert all(abs(o.count() - 100) < 5 * 100 / math.sqrt(112) for o in objects)


def test_the_documented_way_works() -> None:
    page = (Path(__file__).parents[3] / "docs/recipes.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the page says what people will run
    assert names["present"].tolist() == [True] * 3
    assert names["back"].tolist() == names["ours"].tolist()
    # 112 rows: five standard errors.
    assert abs(names["estimate"] - 6 / 8) < 5 * math.sqrt(0.75 * 0.25 / 112)
    assert set(names["index"].query(names["theirs"][2])) == {"c"}


def test_datasketch_arrives_at_our_minima_value_for_value(pairs_of: Make) -> None:
    shingles, offsets = pairs_of(2, 30, 10, seed=2)
    full = minima(shingles, offsets, SCHEME)
    whole = to_datasketch(full, SCHEME)
    begun = to_datasketch(minima(shingles, offsets // 2, SCHEME), SCHEME)
    for document in range(4):
        own = shingles[offsets[document] : offsets[document + 1]].tolist()
        empty = to_datasketch(minima(shingles, np.zeros(2, np.int64), SCHEME), SCHEME)[0]
        assert empty.is_empty()
        empty.update_batch(own)
        assert empty.hashvalues.tolist() == full[document].tolist()
        one_by_one = begun[0].copy()
        for value in shingles[: offsets[1]].tolist():
            one_by_one.update(value)
        assert one_by_one == whole[0]
        assert pickle.loads(pickle.dumps(empty)) == whole[document]
    assert from_datasketch(whole, SCHEME)[0].tolist() == signatures(shingles, offsets, SCHEME).tolist()


def test_an_index_of_datasketch_finds_our_pairs(pairs_of: Make) -> None:
    objects = to_datasketch(signatures(*pairs_of(5, 95, 5, seed=3), SCHEME), SCHEME)
    index = datasketch.MinHashLSH(num_perm=112, params=(14, 8))
    for i in range(0, 10, 2):
        index.insert(i, objects[i])
    assert [index.query(objects[i + 1]) for i in range(0, 10, 2)] == [[i] for i in range(0, 10, 2)]


def test_datasketch_refuses_mixes_of_exports_with_others() -> None:
    shingles, offsets = np.arange(1, 50, dtype=np.uint64), np.array([0, 49])
    ours = to_datasketch(signatures(shingles, offsets, SCHEME), SCHEME)[0]
    other_scheme = Scheme(14, 8, 6)
    with pytest.raises(ValueError, match="different seeds"):
        ours.jaccard(to_datasketch(signatures(shingles, offsets, other_scheme), other_scheme)[0])
    with pytest.raises(ValueError, match="different seeds"):
        ours.jaccard(datasketch.MinHash(num_perm=112))
    with pytest.raises(ValueError, match="permutation schemes"):
        ours.jaccard(to_datasketch(minima(shingles, offsets, SCHEME), SCHEME)[0])
    # Nor can a frozen export be turned into one that draws other permutations.
    with pytest.raises(ValueError, match="Seed must be between"):
        datasketch.MinHash(seed=ours.seed, hashvalues=ours.hashvalues, scheme=ours.scheme)
    assert exported_seed(SCHEME) != exported_seed(other_scheme)


@pytest.mark.parametrize("name", ["affine32", "affine64", "legacy"])
@pytest.mark.parametrize("lean", [False, True])
def test_signatures_of_datasketch_are_banded_under_their_own_name(name: str, lean: bool) -> None:
    texts = [[b"%d" % i for i in range(start, start + 100)] for start in (0, 1, 1000)]
    objects = datasketch.MinHash.bulk(texts, num_perm=128, scheme=name)
    unused = datasketch.MinHash(num_perm=128, scheme=name)
    given = [*(datasketch.LeanMinHash(o) if lean else o for o in objects), unused]
    scheme = datasketch_scheme(given[0], bands=14, rows=9, k=1, tokens="words-of-mine")
    assert scheme.name == f"datasketch-{name}/128"
    signature, present = from_datasketch(given, scheme)
    assert signature.dtype == np.uint32
    assert present.tolist() == [True, True, True, False]
    agreeing = (signature[0] == signature[1]).sum(), (signature[0] == signature[2]).sum()
    assert agreeing[0] == np.count_nonzero(objects[0].hashvalues[:126] == objects[1].hashvalues[:126])
    assert agreeing[1] <= 2
    keys = band_keys(signature, scheme)
    assert (keys[0] == keys[1]).any()
    with pytest.raises(ConfigError, match="cannot be compared"):
        scheme.require_same(Scheme(14, 9, 1))
    with pytest.raises(ConfigError, match="another system"):
        to_datasketch(signature, scheme)


def test_objects_made_differently_are_refused() -> None:
    sample = datasketch.MinHash(num_perm=128)
    scheme = datasketch_scheme(sample, bands=14, rows=9, k=5, tokens="words-of-mine")
    for other in (
        datasketch.MinHash(num_perm=128, seed=2),
        datasketch.MinHash(num_perm=256),
        datasketch.MinHash(num_perm=128, scheme="legacy"),
    ):
        with pytest.raises(InputError, match="signature 1 is"):
            from_datasketch([sample, other], scheme)
    by_hand = copy.copy(sample)
    by_hand.permutations = sample.permutations + np.uint32(2)
    with pytest.raises(InputError, match="permutations of its own"):
        from_datasketch([sample, by_hand], scheme)
    with pytest.raises(InputError, match="was not exported with"):
        from_datasketch([sample], SCHEME)
    with pytest.raises(ConfigError, match="need 130 permutations"):
        datasketch_scheme(sample, bands=13, rows=10, k=5, tokens="words-of-mine")
    exported = to_datasketch(np.zeros((1, 112), np.uint32), SCHEME)[0]
    with pytest.raises(ConfigError, match="exported from here"):
        datasketch_scheme(exported, bands=14, rows=8, k=5, tokens="words-of-mine")
    with pytest.raises(ConfigError, match="not int64"):
        to_datasketch(np.zeros((1, 112), np.int64), SCHEME)
    with pytest.raises(ConfigError, match="112 rows"):
        to_datasketch(np.zeros((1, 3), np.uint32), SCHEME)


def test_datasketch_is_asked_for_only_when_needed_and_its_absence_is_explained() -> None:
    program = """
import sys
import numpy as np
import datagov.dedup.interop as interop
from datagov.dedup.minhash import Scheme
from datagov.errors import ConfigError
assert "datasketch" not in sys.modules
sys.modules["datasketch"] = None
try:
    interop.to_datasketch(np.zeros((1, 112), np.uint32), Scheme(14, 8, 5))
except ConfigError as error:
    assert "datagov[interop]" in error.message
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
