"""Which environment serves the next event (law 12), with real environments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest

from valve_aws.environments.environment import Environment
from valve_aws.environments.pool import Pool, Reuse

if TYPE_CHECKING:
    from tests.environments.conftest import World

PII, CARD = frozenset({"pii"}), frozenset({"card"})
EMAIL = frozenset({"pii/email"})


def play(world: World, life: Callable[[Pool], Coroutine[Any, Any, None]], **given: Any) -> Pool:
    """Make a pool, run `life` with it, and see that nothing of it is left."""

    def make(_: frozenset[str]) -> Environment:
        return world.environment("def handler(event, context): pass")

    pool = Pool(make, **given)

    async def whole() -> None:
        try:
            await life(pool)
        finally:
            await pool.close()

    asyncio.run(whole())
    assert not [environment for environment in world.made if environment.alive]
    return pool


async def serve(
    pool: Pool,
    label: frozenset[str],
    learns: frozenset[str] = frozenset(),
) -> str:
    """Serve one event from which the environment learns `learns`; return who did."""
    async with pool.lease(label) as environment:
        environment.subject.take(label | learns, ())
        return environment.ident


def test_an_environment_that_learned_no_more_than_the_event_brings_serves_it(world: World) -> None:
    async def life(pool: Pool) -> None:
        first = await serve(pool, PII)
        assert await serve(pool, PII) == first

    play(world, life)


def test_one_that_served_events_of_another_label_does_not_serve_though_it_knows_no_more(world: World) -> None:
    """Else a labelled event would use up what is warm for the others, who see that."""

    async def life(pool: Pool) -> None:
        clean = await serve(pool, frozenset())
        labelled = await serve(pool, PII)
        assert labelled != clean
        assert await serve(pool, PII | CARD) not in {clean, labelled}
        assert await serve(pool, frozenset()) == clean

    play(world, life)


def test_an_environment_that_learned_more_does_not_serve(world: World) -> None:
    async def life(pool: Pool) -> None:
        first = await serve(pool, PII)
        assert await serve(pool, frozenset()) != first
        assert await serve(pool, CARD) != first
        assert await serve(pool, PII) == first

    play(world, life)


def test_a_tag_within_a_tag_of_the_event_is_no_more(world: World) -> None:
    async def life(pool: Pool) -> None:
        first = await serve(pool, PII, learns=EMAIL)
        assert await serve(pool, PII) == first
        assert await serve(pool, EMAIL) != first

    play(world, life)


def test_what_its_own_start_has_read_does_not_stand_in_the_way(world: World) -> None:
    async def life(pool: Pool) -> None:
        async with pool.lease() as first:
            first.subject.take(CARD, ())
            first.baseline = CARD
        assert await serve(pool, frozenset()) == first.ident
        assert await serve(pool, frozenset(), learns=PII) == first.ident
        assert await serve(pool, frozenset()) != first.ident, "it knows what the last event brought"

    play(world, life)


def test_what_a_start_reads_is_told_from_what_events_teach(world: World) -> None:
    """The baseline is the label at the end of init: what is learned from then on is none of it."""

    async def life(pool: Pool) -> None:
        environment = world.environment("def handler(event, context): pass")
        environment.subject.take(CARD, ())
        await environment.start()
        environment.subject.take(PII, ())
        await environment.close()
        assert environment.baseline == CARD

    play(world, life)


def test_a_later_one_begins_with_what_starts_read(world: World) -> None:
    """That the one before it is no more may be the doing of an event that knew what its start had read."""
    begun = []

    def make(label: frozenset[str]) -> Environment:
        begun.append(label)
        environment = world.environment("def handler(event, context): pass")
        environment.subject.take(label | CARD, ())
        return environment

    async def life() -> None:
        pool = Pool(make)
        for _ in range(2):
            async with pool.lease() as environment:
                await environment.close()
        await pool.close()

    asyncio.run(life())
    assert begun == [frozenset(), CARD]


def test_never_means_a_clean_one_each_time(world: World) -> None:
    async def life(pool: Pool) -> None:
        assert len({await serve(pool, frozenset()) for _ in range(3)}) == 3
        assert not pool.idle

    play(world, life, reuse=Reuse.NEVER)


def test_carry_keeps_whatever_is_there(world: World) -> None:
    async def life(pool: Pool) -> None:
        first = await serve(pool, PII)
        assert await serve(pool, frozenset()) == first
        assert pool.idle[0].subject.label == PII

    play(world, life, reuse=Reuse.CARRY)


def test_at_the_limit_an_idle_one_makes_room(world: World) -> None:
    async def life(pool: Pool) -> None:
        await serve(pool, PII)
        await serve(pool, CARD)
        await serve(pool, frozenset())
        assert [environment.ident for environment in pool.idle] == ["fn-1", "fn-2"]

    pool = play(world, life, limit=2)
    assert not pool.idle


def test_when_all_are_busy_events_wait_in_their_order(world: World) -> None:
    async def life(pool: Pool) -> None:
        order: list[int] = []

        async def event(n: int) -> None:
            async with pool.lease():
                order.append(n)
                await asyncio.sleep(0)

        await asyncio.gather(*(event(n) for n in range(5)))
        assert order == [0, 1, 2, 3, 4]
        assert len(world.made) == 1

    play(world, life, limit=1)


def test_those_that_rest_end_beside_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take its time: its extensions have seconds of their own."""

    async def life(pool: Pool) -> None:
        async with pool.lease(), pool.lease():
            pass
        both, close = asyncio.Barrier(2), Environment.close

        async def together(environment: Environment, reason: str = "spindown") -> None:
            async with asyncio.timeout(60):
                await both.wait()
            await close(environment, reason)

        monkeypatch.setattr(Environment, "close", together)
        assert len(pool.idle) == 2

    play(world, life)


def test_one_that_ended_is_not_given_out_again(world: World) -> None:
    async def life(pool: Pool) -> None:
        first = await serve(pool, frozenset())
        await world.made[0].close()
        assert await serve(pool, frozenset()) != first

    play(world, life, limit=1)


def test_a_start_that_fails_takes_no_place(world: World) -> None:
    async def life(pool: Pool) -> None:
        true, world.how = world.how, broken
        with pytest.raises(OSError, match="no room"):
            await pool.acquire()
        world.how = true
        assert await serve(pool, frozenset()) == "fn-1"

    play(world, life, limit=1)


def broken(plan: object) -> Any:
    raise OSError("no room")
