"""E05: a batch that mixes labels: a labelled message travels beside clean ones into one event.

Knows a queue with both, and a function that hands on whatever it gets. Does not know how a batch is split,
which is tried in tests/triggers on a real cloud.
"""

from __future__ import annotations

import json
from typing import Any

from tests.noninterference.calls import made, url_of
from tests.noninterference.scene import KEPT, KEPT_TOO, OPEN, SECRET, Scene, play
from valve_aws.model.label import CLEAN
from valve_aws.model.stack import Trigger
from valve_aws.model.verdict import Mode
from valve_aws.waking.queues import Ended, Waking


def woken(target: str) -> Any:
    """Return a scene: a clean and a labelled message, and what the function that they wake puts elsewhere."""

    async def act(scene: Scene) -> tuple[Any, Any, Any]:
        await scene.ask(CLEAN, "sqs", "SendMessage", QueueUrl=url_of(KEPT), MessageBody="plain")
        await scene.send(KEPT, "secret")
        events = []

        async def wake(_: str, payload: bytes, carried: Any, *__: str) -> Ended:
            bodies = [each["body"] for each in json.loads(payload)["Records"]]
            events.append((bodies, carried.label))
            environment = scene.environment(carried.label)
            for body in bodies:
                order = {"QueueUrl": url_of(target), "MessageBody": f"got {body}"}
                await environment._request(made("sqs", "SendMessage", order), 0)
            return Ended(b"", False, environment.subject)

        waking = Waking(scene.run.passage, wake, lambda _: None)
        await waking._serve(Trigger("Fa", "Q", "SQS", KEPT), "")
        left = {queue: [m.body for m in messages] for queue, messages in scene.cloud.queues.items()}
        return events, left[target], left[KEPT]

    return act


def test_unguarded_one_event_has_both_and_both_go_on() -> None:
    events, arrived, _ = play(Mode.OFF, False, woken(OPEN))
    assert [bodies for bodies, _ in events] == [["plain", "secret"]]
    assert arrived == ["got plain", "got secret"]


def test_enforced_each_label_has_an_event_of_its_own_and_the_clean_one_goes_on() -> None:
    events, arrived, left = play(Mode.ENFORCE, False, woken(OPEN))
    assert sorted(events, key=str) == sorted([(["plain"], CLEAN), (["secret"], SECRET)], key=str)
    assert arrived == ["got plain"]
    assert left == [], "both are done with: the one is no hindrance to the other"


def test_sealed_the_whole_queue_is_labelled_and_nothing_goes_on() -> None:
    events, arrived, _ = play(Mode.ENFORCE, True, woken(OPEN))
    assert {label for _, label in events} == {SECRET}
    assert arrived == []


def test_the_honest_twin_hands_both_on_to_where_they_may_go() -> None:
    assert sorted(play(Mode.ENFORCE, False, woken(KEPT_TOO))[1]) == ["got plain", "got secret"]
