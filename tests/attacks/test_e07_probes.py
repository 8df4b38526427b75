"""E07: the label that did not rise: a labelled function writes cells or leaves them, and clean ones look.

Knows the scene and the rate, which is a bit a look where the store is traced. Does not know what is done with
the bits.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.noninterference.scene import NOTES, SECRET, Scene, play
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Mode

BITS = 64
WORD = Random(7).getrandbits(BITS)
NAMES = [f"{bit}" for bit in range(BITS)]


def _key(name: str) -> dict[str, Any]:
    return {"TableName": "ta", "Key": {"pk": {"S": name}}}


async def probes(scene: Scene) -> tuple[list[bool], list[bool], int]:
    """Write an item for each 1, and look for each from an environment of its own.

    Returns whether each found it by its reply, by its label, and how many looks are recorded as probes.
    """
    for bit, name in enumerate(NAMES):
        if WORD >> bit & 1:
            await scene.ask(SECRET, "dynamodb", "PutItem", TableName="ta", Item={"pk": {"S": name}})
    by_reply, by_label = [], []
    for name in NAMES:
        label, shown = await scene.ask(CLEAN, "dynamodb", "GetItem", **_key(name))
        by_label.append(bool(label))
        by_reply.append("pk" in str(shown) and not label)
    return by_reply, by_label, sum(NOTES in record.probed for record in scene.records)


ONES = [bool(WORD >> bit & 1) for bit in range(BITS)]


def test_unguarded_the_replies_tell_everything_and_no_label() -> None:
    assert play(Mode.OFF, False, probes) == (ONES, [False] * BITS, 0)


def test_traced_it_is_one_bit_a_look_and_every_clean_one_is_counted() -> None:
    by_reply, by_label, counted = play(Mode.ENFORCE, False, probes)
    assert not any(by_reply), "no reply shows a clean environment anything labelled"
    assert by_label == ONES, "the residue: whether the label rose, a bit a look"
    assert counted == ONES.count(False), "who stays clean is counted; who finds something is tainted"


def test_sealed_everybody_who_looks_is_tainted_and_nothing_is_learned() -> None:
    assert play(Mode.ENFORCE, True, probes) == ([False] * BITS, [True] * BITS, 0)


def test_the_honest_twin_reads_what_it_may_carry() -> None:
    async def act(scene: Scene) -> Any:
        await scene.ask(SECRET, "dynamodb", "PutItem", TableName="ta", Item={"pk": {"S": "x"}})
        return await scene.ask(SECRET, "dynamodb", "GetItem", **_key("x"))

    for sealed in (True, False):
        label, shown = play(Mode.ENFORCE, sealed, act)
        assert label == SECRET
        assert "pk" in str(shown)
