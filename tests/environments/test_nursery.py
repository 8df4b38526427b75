"""Which way an environment's sandbox is made: by a zygote that has grown, else cold.

Knows the order of tries. Does not make sandboxes.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from valve_aws.environments.nursery import MOST, Nursery
from valve_aws.model.plan import Bind, Jail, Plan
from valve_aws.sandbox import SandboxError, Zygote


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
