"""What a finding is about: as far as the model is sure, or the base knows less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tokenizing
from hypothesis import given
from hypothesis import strategies as st

from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.contexts import Context
from detectors.fingerprint.evidence import bits_over_base, sure_lengths
from detectors.fingerprint.findings import findings_table
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.pruning import rule_of
from detectors.fingerprint.seeds import vocabulary_seeds
from detectors.fingerprint.sweep import Swept
from detectors.targets.target import TargetFacts

END, SEED = 1, 20
RULE = rule_of("reference")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(tokenizing.make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=400))


def found(
    tokenizer: Tokenizer, said: list[int], p: list[float], base: list[float] | None = None
) -> tuple[dict[str, Any], Paths]:
    """The finding about one path, and the path as far as its end."""
    end = said.index(END) + 1 if END in said else len(said)
    path = Paths(
        np.array([SEED], np.int32), np.array([said], np.int32), np.log(np.array([p])).astype(np.float32)
    )
    swept = Swept(
        context=Context("bos", (0,)),
        alive=(1,),
        paths=path,
        score_N=RULE.scores(path.logprob_NS),
        base_NS=None if base is None else np.log(np.array([base])).astype(np.float32),
        basin_N=None,
        dtype="float32",
    )
    facts = TargetFacts("t", "t", tokenizer.digest, "e", "float32", 400, 0)
    table = findings_table([swept], vocabulary_seeds(tokenizer), tokenizer, RULE, facts, ends=[END])
    return table.to_pylist()[0], path.first(end)


@given(
    said=st.lists(st.sampled_from([*range(30, 36), END]), min_size=8, max_size=8),
    p=st.lists(st.sampled_from([0.3, 0.6, 0.85, 0.95, 0.99]), min_size=8, max_size=8),
    base=st.none() | st.lists(st.sampled_from([0.001, 0.3, 0.99]), min_size=8, max_size=8),
)
def test_a_string_goes_as_far_as_the_model_is_sure_or_the_base_knows_less(
    tokenizer: Tokenizer, said: list[int], p: list[float], base: list[float] | None
) -> None:
    row, path = found(tokenizer, said, p, base)
    tokens = [token for token in path.token_NS[0].tolist() if token != END]
    sure = int(sure_lengths(path, [END])[0])
    if (1 + sum(p[:3])) / 4 > 0.95:
        sure = max(sure, min(3, len(tokens)))
    assert row["sure_tokens"] == sure
    assert row["sure"] == tokenizer.decode([SEED, *tokens[:sure]])
    until = 0
    if base is not None:
        ended = np.log(np.array([base[: path.steps]])).astype(np.float32)
        until = int(bits_over_base(path, ended)[1][0])
        assert row["bits_tokens"] == until
    length = min(max(sure, until), len(tokens))
    assert row["string_ids"] == [SEED, *tokens[:length]]
    ended_by = path.token_NS[0, length : length + 1].tolist() == [END] and p[length] >= 0.5
    assert row["stops"] is ended_by


def test_a_path_that_is_sure_at_first_loses_no_bits_to_one_that_never_is(tokenizer: Tokenizer) -> None:
    said, base = list(range(30, 42)), [0.001] * 12
    unsure, _ = found(tokenizer, said, [0.5] * 12, base)
    sure, _ = found(tokenizer, said, [0.99] * 3 + [0.5] * 9, base)
    assert (unsure["score_rank"], sure["score_rank"]) == (None, 1)
    assert unsure["string_ids"] == sure["string_ids"] == [SEED, *said]
    assert (sure["sure_tokens"], sure["sure"]) == (3, tokenizer.decode([SEED, *said[:3]]))
