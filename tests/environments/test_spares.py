"""Environments that stand ready before their event is known: how many, what they may do, whose they become.

Knows real environments without walls. Does not know labels beyond what an event brings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tests.environments.conftest import COUNTS
from valve_aws.environments.environment import Environment
from valve_aws.environments.pool import Pool, Reuse
from valve_aws.environments.spares import Spares
from valve_aws.environments.telling import HELD

if TYPE_CHECKING:
    from tests.environments.conftest import World

PII = frozenset({"pii"})
PLAIN = "print('init')\ndef handler(event, context): pass"
CALLS_OUT = """
import os, urllib.request
urllib.request.urlopen("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/crosses")
def handler(event, context): pass
"""


def play(
    world: World,
    life: Callable[[Pool, Spares], Coroutine[Any, Any, None]],
    source: str = PLAIN,
    most: int = 2,
    room: Callable[[int], bool] = lambda _: True,
    **given: Any,
) -> None:
    def make() -> Environment:
        return world.environment(source)

    async def whole() -> None:
        spares = Spares(make, most, room)
        pool = Pool(lambda _: make(), spares=spares, **given)
        try:
            await life(pool, spares)
        finally:
            await pool.close()
            await spares.close()
        assert not [environment for environment in world.made if environment.alive]

    asyncio.run(whole())


async def serve(pool: Pool, spares: Spares, label: frozenset[str] = frozenset()) -> str:
    async with pool.lease(label) as environment:
        await environment.invoke("id", b"{}")
    await spares.filled()
    return environment.ident


def test_none_is_made_before_a_second_environment_is_needed(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        for _ in range(3):
            await serve(pool, spares)
        assert spares.ready == 0
        assert len(world.made) == 1
        await serve(pool, spares, PII)
        assert spares.ready == 2

    play(world, life)


def test_the_next_event_takes_one_and_another_is_made_in_its_place(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        served = [await serve(pool, spares) for _ in range(5)]
        assert served == ["fn-0", "fn-1", "fn-2", "fn-3", "fn-4"]
        assert spares.ready == 2
        assert [each.served for each in world.made] == [1, 1, 1, 1, 1, 0, 0]

    play(world, life, reuse=Reuse.NEVER)


def test_none_is_made_while_the_event_that_took_one_is_served(world: World) -> None:
    """It would take as much of the machine as the event."""

    async def life(pool: Pool, spares: Spares) -> None:
        await serve(pool, spares)
        await serve(pool, spares)
        made = len(world.made)
        async with pool.lease() as environment:
            await environment.invoke("id", b"{}")
            await spares.filled()
            assert (spares.ready, len(world.made)) == (1, made)
        await spares.filled()
        assert (spares.ready, len(world.made)) == (2, made + 1)

    play(world, life, reuse=Reuse.NEVER)


def test_there_are_as_many_as_there_is_room_for(world: World) -> None:
    asked: list[int] = []

    def room(size: int) -> bool:
        asked.append(size)
        return len(asked) < 2

    async def life(pool: Pool, spares: Spares) -> None:
        await serve(pool, spares)
        await serve(pool, spares)
        assert spares.ready == 1
        assert asked[0] == 0, "nothing is known of the first one's size"
        assert asked[1] == spares.held > 1 << 20

    play(world, life, reuse=Reuse.NEVER, room=room)


def test_with_none_allowed_there_are_none(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        for _ in range(3):
            await serve(pool, spares)
        assert len(world.made) == 3

    play(world, life, reuse=Reuse.NEVER, most=0)


def test_what_its_init_says_is_told_with_the_label_of_its_first_event(world: World) -> None:
    said: list[tuple[str, frozenset[str], str]] = []

    async def life(pool: Pool, spares: Spares) -> None:
        await serve(pool, spares)
        await serve(pool, spares)
        spare = world.made[2]
        assert not [line for ident, _, line in said if ident == spare.ident]
        assert await serve(pool, spares, PII) == spare.ident
        lines = [(label, line) for ident, label, line in said if ident == spare.ident]
        assert lines[0][1].startswith("INIT_START")
        assert (PII, "init") in lines
        assert {label for label, _ in lines} == {PII}

    listen(world, said)
    play(world, life, reuse=Reuse.NEVER)


def test_what_its_init_calls_does_not_go_out_and_there_are_no_more(world: World) -> None:
    """Whatever a call does is some event's doing, and none is known yet: not even that there was one."""

    async def life(pool: Pool, spares: Spares) -> None:
        await serve(pool, spares)
        await serve(pool, spares)
        assert [each.crossed for each in world.made] == [False, False, True]
        assert spares.ready == 0
        await serve(pool, spares)
        assert len(world.made) == 4, "it was not tried again"

    play(world, life, source=CALLS_OUT, reuse=Reuse.NEVER)


def test_one_that_says_without_end_is_ended(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        spares.want()
        spares.refill()
        await spares.filled()
        assert spares.ready == 0
        assert world.made[0].crossed

    play(world, life, source=f"for n in range({HELD + 50}): print(n)\n{PLAIN}")


def test_one_whose_init_fails_is_not_kept(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        spares.want()
        spares.refill()
        await spares.filled()
        assert spares.ready == 0
        assert len(world.made) == 1

    play(world, life, source="raise ValueError")


def test_one_that_ended_while_it_waited_is_passed_over(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        spares.want()
        spares.refill()
        await spares.filled()
        await world.made[0].close()
        assert await serve(pool, spares) == "fn-1"

    play(world, life)


def test_nothing_runs_in_one_that_waits(world: World) -> None:
    async def life(pool: Pool, spares: Spares) -> None:
        spares.want()
        spares.refill()
        await spares.filled()
        await asyncio.sleep(0.3)
        async with pool.lease() as environment:
            assert float((await environment.invoke("id", b"{}")).payload) > 0.29

    play(world, life, source=COUNTS)


def listen(world: World, said: list[tuple[str, frozenset[str], str]]) -> None:
    """Note each line with the label that its environment has when it is told."""
    make = world.surroundings

    def surroundings() -> Any:
        from dataclasses import replace

        return replace(
            make(), log=lambda env, _, line: said.append((env.ident, env.subject.label, line))
        )

    vars(world)["surroundings"] = surroundings
