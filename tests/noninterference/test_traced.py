"""Where stores are traced, what an outsider still learns is of one kind, and is counted.

Knows the kind: a labelled function wrote to, or left, a cell of a store that accepts more than it holds, and
somebody without the label looks there, or is woken by such a queue. Does not know what he does with the bit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.noninterference.twins import Pair, twins
from tests.noninterference.worlds import World, world

WORKFLOWS = 300


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    """Try them once for all tests."""
    return [twins(world(number, sealed=False)) for number in range(WORKFLOWS)]


def sealed(traced: World) -> World:
    """Return the same application with every store sealed."""
    stores = tuple(replace(rule, sealed=True) for rule in traced.policy.stores)
    return replace(traced, policy=replace(traced.policy, stores=stores))


@pytest.mark.slow
def test_all_that_an_outsider_learns_he_learns_by_a_probe_or_by_being_woken(pairs: list[Pair]) -> None:
    kinds = Counter(pair.parting for pair in pairs)
    silent = [f"world({p.world.seed}): {p.told[:800]}" for p in pairs if p.parting == "silently"]
    assert not silent, silent[0]
    assert kinds["probe"], "nothing was learned by any probe, so nothing was measured"


@pytest.mark.slow
def test_a_probe_is_worth_little_where_nobody_writes_to_be_probed(pairs: list[Pair]) -> None:
    """A bit at most is learned where a pair parts: how often that is, of all that are counted as probes."""
    probes = sum(pair.one.probes + pair.other.probes for pair in pairs)
    learned = sum(bool(pair.parting) for pair in pairs)
    assert probes > WORKFLOWS
    assert 0 < learned < probes / 50


@pytest.mark.slow
def test_sealed_the_same_applications_tell_nothing(pairs: list[Pair]) -> None:
    told = [pair for pair in pairs if pair.parting]
    assert told
    assert not [found for pair in told if (found := twins(sealed(pair.world)).told)]
