"""E08: refusals as an oracle: a clean function learns from what is refused, or from how.

Knows a cell that is labelled or not, and what a function sees of calls about it. Does not know the text of a
refusal, which is the wire's (tests/aws).
"""

from __future__ import annotations

from typing import Any

from tests.noninterference.calls import url_of
from tests.noninterference.scene import OPEN, SECRET, Scene, play
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.verdict import Mode

COPY = {
    "TransactItems": [
        {"ConditionCheck": {"TableName": "ta", "Key": {"pk": {"S": "x"}},
                            "ConditionExpression": "attribute_exists(pk)"}},
        {"Put": {"TableName": "tb", "Item": {"pk": {"S": "p"}, "sk": {"S": "1"}}}},
    ]
}  # fmt: skip
"""A write that the item `x` decides, into a table that takes nothing labelled."""


def oracle(there: bool) -> Any:
    """Return a scene: a labelled item is there or not, and a clean environment asks, and would tell."""

    async def act(scene: Scene) -> list[tuple[Label, Any]]:
        if there:
            await scene.ask(SECRET, "dynamodb", "PutItem", TableName="ta", Item={"pk": {"S": "x"}})
        label, shown = await scene.ask(CLEAN, "dynamodb", "TransactWriteItems", **COPY)
        again = await scene.ask(label, "sqs", "SendMessage", QueueUrl=url_of(OPEN), MessageBody=str(shown))
        return [(label, shown), again, (CLEAN, [m.body for m in scene.cloud.queues[OPEN]])]

    return act


def test_unguarded_the_answer_tells_and_is_told() -> None:
    one, other = (play(Mode.OFF, True, oracle(there)) for there in (True, False))
    assert one[0] != other[0]
    assert one[2] != other[2]


def test_enforced_the_refusal_is_the_same_whatever_is_there() -> None:
    one, other = (play(Mode.ENFORCE, True, oracle(there)) for there in (True, False))
    assert one == other
    assert one[0] == (SECRET, ["refused"]), "it looked, so it carries what might have been there"
    assert one[2] == (CLEAN, []), "and cannot tell"


def test_the_honest_twin_asks_about_a_clean_cell_and_is_answered() -> None:
    async def act(scene: Scene) -> Any:
        put = await scene.ask(CLEAN, "sqs", "SendMessage", QueueUrl=url_of(OPEN), MessageBody="m")
        got = await scene.ask(CLEAN, "sqs", "ReceiveMessage", QueueUrl=url_of(OPEN))
        return put[0] | got[0], "refused" in str((put, got))

    assert play(Mode.ENFORCE, True, act) == (CLEAN, False)
