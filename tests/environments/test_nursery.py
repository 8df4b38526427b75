"""Which way an environment's sandbox is made: by a zygote that has grown, else cold.

Knows the order of tries, and how long a zygote lives. Does not know how one is made.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from valve_aws.environments.nursery import MOST, Nursery, Zygotes
from valve_aws.model.plan import Bind, Jail, Plan
from valve_aws.sandbox import SandboxError, Zygote
from valve_aws.settings import Settings
from valve_aws.valve import Valve, zygotes


def plan(number: int = 0) -> Plan:
    return Plan(
        argv=(f"/var/lang/bin/python3.{number}", "-S", "/var/runtime/bootstrap.py"),
        environ={"LANG": "en_US.UTF-8", "AWS_SECRET_ACCESS_KEY": "s"},
        directory="/var/task",
        binds=(Bind(Path("/usr"), "/var/runtime"), Bind(Path("/usr/bin"), "/var/task")),
    )


class Kept:
    """Says how it was asked."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem, self.asked, self.closed = problem, 0, False

    def spawn(self, plan: Plan) -> Jail:
        self.asked += 1
        if self.problem:
            raise self.problem
        return self  # type: ignore[return-value]  # only who made it matters

    def close(self) -> None:
        self.closed = True


def nursery(zygote: Kept) -> tuple[Nursery, Kept, list[Any], list[str]]:
    cold, grown, said = Kept(), [], list[str]()
    return Nursery(cold.spawn, lambda p: (grown.append(p), zygote)[1], said.append), cold, grown, said


def test_one_that_has_grown_is_asked_first() -> None:
    async def life() -> None:
        zygote = Kept()
        made, cold, _, _ = nursery(zygote)
        assert made.spawn(plan()) is cold  # type: ignore[comparison-overlap]  # as above
        made.want(plan())
        await made.grown()
        assert made.spawn(plan()) is zygote  # type: ignore[comparison-overlap]  # as above
        assert made.spawn(plan(1)) is cold  # type: ignore[comparison-overlap]  # as above
        await made.close()
        assert zygote.closed

    asyncio.run(life())


def test_there_are_so_many_at_most_and_one_of_a_kind() -> None:
    async def life() -> None:
        made, _, grown, _ = nursery(Kept())
        for number in (0, 0, 1, 2, 3):
            made.want(plan(number))
        await made.grown()
        assert len(grown) == MOST
        await made.close()

    asyncio.run(life())


def test_one_that_has_died_is_asked_no_more_and_what_it_cannot_make_is_made_cold() -> None:
    async def life() -> None:
        for step, times in (("ask the zygote", 1), ("open what shows inside", 2)):
            zygote = Kept(SandboxError(step, "no", "mend it"))
            made, cold, _, _ = nursery(zygote)
            made.want(plan())
            await made.grown()
            assert made.spawn(plan()) is made.spawn(plan()) is cold  # type: ignore[comparison-overlap]  # as above
            assert zygote.asked == times
            await made.close()
            assert zygote.closed

    asyncio.run(life())


def test_runs_that_have_them_in_common_find_one_there_and_do_not_end_it() -> None:
    async def life() -> None:
        zygote, cold, grown = Kept(), Kept(), list[Plan]()
        shared = Zygotes(lambda p: (grown.append(p), zygote)[1])
        first, second = (Nursery(cold.spawn, cold.spawn, print, shared) for _ in range(2))
        first.want(plan())
        await first.grown()
        await first.close()
        assert not zygote.closed
        assert second.spawn(plan()) is zygote  # type: ignore[comparison-overlap]  # as above
        second.want(plan())
        await second.close()
        assert len(grown) == 1
        shared.close()
        assert zygote.closed
        assert second.spawn(plan()) is cold  # type: ignore[comparison-overlap]  # as above

    asyncio.run(life())


def test_one_that_has_grown_when_all_have_ended_is_ended_too() -> None:
    zygote = Kept()
    shared = Zygotes(lambda _: zygote)
    assert shared.claim(plan())
    shared.close()
    shared.grow(plan())
    assert zygote.closed
    assert shared.of(plan()) is None
    assert not shared.claim(plan(1))


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.11, Handler: index.handler, InlineCode: "def handler(e, c): return e"}
"""


def test_the_first_environment_of_a_later_valve_is_born_of_the_zygote_of_an_earlier(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    shared = zygotes()

    async def life(times: int, spawn: Any = None) -> list[Any]:
        valve = Valve.read(
            Settings(template=tmp_path / "template.yaml", reuse="never"), print, zygotes=shared
        )
        await valve.open()
        try:
            if spawn:
                valve._housing._nursery._cold = spawn
            done = [await valve.invoke("Fn", b"1") for _ in range(times)]
            await valve.rested()
        finally:
            await valve.close()
        return [json.loads(each.payload) for each in done]

    cold = Kept(SandboxError("start cold", "not this time", "mend it"))
    try:
        assert asyncio.run(life(2)) == [1, 1]
        assert asyncio.run(life(2, cold.spawn)) == [1, 1]
        assert cold.asked == 0
    finally:
        shared.close()


def test_root_runs_nobody_else_s_code_without_walls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cache that its user may write, a zygote of root's would run what that user likes as root."""
    theirs = tmp_path / "runtime"
    theirs.mkdir()
    if os.geteuid() == 0:
        os.chown(theirs, 65533, 65533)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(SandboxError, match="not root's own"):
        Zygote.grow(Plan(("/x",), {}, "/", binds=(Bind(theirs, "/var/runtime"),)))
