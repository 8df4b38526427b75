"""A25: a secret in which calls are made, in their order, sizes and counts.

Knows a labelled sender, one call for each bit, and somebody without the label who counts. Does not know time.
What applications of any shape leave is tried in tests/noninterference.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.noninterference.calls import url_of
from tests.noninterference.scene import KEPT, OPEN, Scene, play
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Mode

BITS = 64
SECRETS = [Random(seed).getrandbits(BITS) for seed in (1, 2)]


def small_calls(secret: int) -> Any:
    """Return a scene: for a 1 a message, for a 0 none or a longer one; then a clean look at what came."""

    async def act(scene: Scene) -> tuple[Any, Any, Any]:
        for bit in range(BITS):
            one = secret >> bit & 1
            if one or bit % 2:
                await scene.send(OPEN, f"{bit}" + "." * (1 - one))
            for _ in range(1 + one):
                await scene.send(KEPT, f"{bit}")
        label, figures = await scene.ask(
            CLEAN, "sqs", "GetQueueAttributes", QueueUrl=url_of(OPEN), AttributeNames=["All"]
        )
        return label, figures, [message.body for message in scene.cloud.queues[OPEN]]

    return act


def decoded(bodies: list[str]) -> int:
    """Return the secret out of what arrived."""
    return sum(1 << int(body) for body in bodies if body.isdigit())


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.AUDIT])
def test_unguarded_every_bit_arrives(mode: Mode) -> None:
    for secret in SECRETS:
        assert decoded(play(mode, False, small_calls(secret))[2]) == secret


@pytest.mark.parametrize("sealed", [True, False])
def test_enforced_whoever_counts_sees_the_same_whatever_the_secret_is(sealed: bool) -> None:
    one, other = (play(Mode.ENFORCE, sealed, small_calls(secret)) for secret in SECRETS)
    assert one == other
    assert (one[0], one[2]) == (CLEAN, [])


def test_the_honest_twin_makes_as_many_calls_and_all_arrive() -> None:
    async def act(scene: Scene) -> int:
        for bit in range(BITS):
            await scene.send(KEPT, f"{bit}")
        return len(scene.cloud.queues[KEPT])

    assert play(Mode.ENFORCE, True, act) == BITS
