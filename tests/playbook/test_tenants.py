"""A caller names tenants as it likes; however many it names, a function has only so many environments.

Knows housing's own bookkeeping. Does not know sandboxes: environments are counted, not run.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from valve_aws.model.label import CLEAN
from valve_aws.proxy import Authority
from valve_aws.running.housing import Housing
from valve_aws.settings import Settings

AT_ONCE = Settings().at_once


class Counted:
    """An environment that does nothing but live."""

    living: set[Counted]

    def __init__(self) -> None:
        self.alive, self.subject, self.baseline = False, SimpleNamespace(label=CLEAN), CLEAN

    async def start(self) -> None:
        self.alive = True
        self.living.add(self)

    async def close(self) -> None:
        self.alive = False
        self.living.discard(self)


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one by one"])
def test_a_function_has_no_more_environments_for_more_tenants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    most = asyncio.run(_serve(tmp_path, monkeypatch, together))
    assert (AT_ONCE if together else 1) <= most <= AT_ONCE


async def _serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool) -> int:
    Counted.living, most = set(), 0
    stack: Any = SimpleNamespace(file=str(tmp_path / "template.yaml"), region="us-east-1")
    passage: Any = SimpleNamespace()
    named = {"logical": "Worker", "key": "Worker", "name": "worker", "handler": "app.handler"}
    function: Any = SimpleNamespace(**named, reserved=None)
    authority = Authority.create(time.time())
    housing = Housing(stack, Settings(spares=0), passage, authority, lambda _: None, time.monotonic)
    monkeypatch.setitem(housing._prepared, "Worker", SimpleNamespace(function=function))
    monkeypatch.setattr(housing, "_make", lambda *_: Counted())

    async def event(tenant: str) -> None:
        nonlocal most
        async with housing._lease(function, tenant, CLEAN):
            await asyncio.sleep(0)
            most = max(most, len(Counted.living))

    tenants = [f"tenant-{n}" for n in range(5 * AT_ONCE)]
    if together:
        await asyncio.gather(*(event(tenant) for tenant in tenants))
    else:
        for tenant in tenants:
            await event(tenant)
    await housing.close()
    assert not Counted.living
    return most
