"""A time that a test moves: whoever is due is called in turn, what comes of it ends, and the cloud follows.

Knows the clock, and the embedded cloud as it answers. Does not know who waits in a valve.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import boto3

from valve_aws.backend import Moto
from valve_aws.clock import Clock, Virtual, advance


def test_whoever_is_due_is_called_in_turn_and_nobody_before() -> None:
    async def runs() -> list[Any]:
        clock, seen = Virtual(1000.0), []
        under_way: set[asyncio.Task[None]] = set()

        async def settled() -> None:
            while under_way:
                await asyncio.wait(set(under_way))

        clock.settled = settled

        async def course(name: str) -> None:
            await asyncio.sleep(0)
            seen.append((name, clock.now()))
            if name == "b":
                clock.at(clock.now() + 5, lambda: seen.append(("c", clock.now())))

        def start(name: str) -> None:
            task = asyncio.ensure_future(course(name))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

        clock.at(1030.0, lambda: start("b"))
        clock.at(1020.0, lambda: start("a"))
        clock.at(1036.0, lambda: seen.append(("late", clock.now())))
        gone = clock.at(1010.0, lambda: seen.append(("gone", clock.now())))
        gone.cancel()
        await clock.forward(19)
        assert not seen
        await clock.forward(16)
        assert clock.owed() == 1036.0
        return seen

    assert asyncio.run(runs()) == [("a", 1020.0), ("b", 1030.0), ("c", 1035.0)]


def test_from_another_thread_it_returns_when_what_was_due_has_ended() -> None:
    async def runs() -> list[str]:
        clock, seen = Virtual(), []
        clock.run()
        waiting = asyncio.ensure_future(clock.sleep(3600))
        waiting.add_done_callback(lambda _: seen.append("woken"))
        await asyncio.sleep(0)
        await asyncio.to_thread(advance, 3600)
        await waiting
        clock.stop()
        await asyncio.to_thread(advance, 3600)
        return seen

    assert asyncio.run(runs()) == ["woken"]


def test_the_machines_own_time_calls_by_itself_and_cannot_be_moved() -> None:
    async def runs() -> float:
        clock, seen = Clock(), asyncio.Event()
        clock.at(clock.now(), seen.set)
        await asyncio.wait_for(seen.wait(), 30)
        assert clock.owed() is None
        return clock.now()

    assert asyncio.run(runs()) > 0


def test_the_embedded_cloud_goes_by_the_same_time() -> None:
    queue = {"logical": "Q", "kind": "AWS::SQS::Queue", "name": "q", "arn": "", "properties": {}}
    moto = Moto.start([queue], [], "us-east-1")
    try:
        more = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        sqs = boto3.client("sqs", "us-east-1", endpoint_url=f"http://127.0.0.1:{moto.port}", **more)
        url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="m")

        def seen() -> int:
            return len(sqs.receive_message(QueueUrl=url, VisibilityTimeout=600).get("Messages", ()))

        assert [seen(), seen()] == [1, 0]
        moto.ahead(500)
        assert seen() == 0
        moto.ahead(601)
        assert seen() == 1
        moto.refill([queue], [])
        sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=600)
        assert seen() == 0
    finally:
        moto.stop()


def test_what_the_cloud_has_told_is_as_old_by_a_time_that_stands_still() -> None:
    async def runs() -> None:
        clock = Virtual(time.time() - 600)  # as one that began ten minutes ago, and stood still since
        await clock.forward(60)
        told = time.time() + 60 - 30
        ours, since = clock.ours(told), time.time() + 60 - told
        assert clock.now() - since <= ours <= clock.now() - 30
        assert Clock().ours(told) == told

    asyncio.run(runs())
