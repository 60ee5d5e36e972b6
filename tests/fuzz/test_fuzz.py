"""Every reader of outside input against its corpus, and some edits of it; `make fuzz` goes on for as long as told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz import corpus, differential
from tests.fuzz.edits import WAYS, WORDS, Edit, edited
from tests.fuzz.targets import TARGETS, Target

MANY = sorted(TARGETS)


@pytest.mark.parametrize("name", MANY)
def test_the_corpus_is_read_or_refused(name: str) -> None:
    for data in corpus.of(name):
        TARGETS[name].read(data)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    share = st.floats(0, 1, exclude_max=True)
    words = st.sampled_from(WORDS + target.words * 3)
    edits = st.lists(st.builds(Edit, st.sampled_from(WAYS), share, share, words), max_size=6)
    return st.builds(edited, st.sampled_from(corpus.of(target.name)), edits)


@pytest.mark.parametrize("name", MANY)
def test_edits_of_the_corpus_are_read_or_refused(name: str) -> None:
    @settings(max_examples=50, suppress_health_check=list(HealthCheck), database=None)
    @given(inputs(TARGETS[name]))
    def play(data: bytes) -> None:
        TARGETS[name].read(data)

    play()


def test_every_target_has_a_corpus_and_no_corpus_is_nobodys() -> None:
    assert len(TARGETS) >= 12
    assert {path.stem for path in corpus.FOLDER.iterdir()} == set(TARGETS)
    assert all(len(corpus.of(name)) >= 5 for name in TARGETS)


def test_tv03_what_we_accept_of_damaged_tokens_joserfc_accepts() -> None:
    """Three thousand of the million that `make fuzz` compares: ID, logout and call tokens, and their key sets."""
    tally = next(differential.run(2026, every=3000))
    assert tally.worse == []
    assert tally.accepted > 100
    assert len(tally.refused) > 15
