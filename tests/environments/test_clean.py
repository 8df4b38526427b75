"""Nothing that an event leaves is met by an event of another label (law 12): tried with whatever can be left.

Knows random polluting handlers and a look at everything. Does not know how environments are made or ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.environments.polluters import CANNOT, handlers
from valve_aws.settings import Settings
from valve_aws.valve import Valve

pytestmark = pytest.mark.slow

MANY = int(os.environ.get("VALVE_POLLUTERS", "200"))
TURNS = int(os.environ.get("VALVE_TURNS", "500"))
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Keeper:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src
      Timeout: 60
      MemorySize: 512
      Events: {Api: {Type: Api, Properties: {Path: /, Method: post}}}
"""
POLICY = """
version: 1
labels: {user: {}}
events: {Keeper.Api: {label: ["user/{requestContext.authorizer.claims.sub}"]}}
results: {accepts: [user]}
"""
SOURCE = """
import json, os
import probe

def handler(event, context):
    cannot = []
    exec(event.get("code", ""), {"__name__": "polluter", "cannot": cannot})
    if event.get("end"):
        os._exit(0)
    return {"seen": probe.seen() if event.get("look") else {}, "cannot": cannot}
"""

Told = dict[str, Any]
Invoke = Callable[..., Coroutine[Any, Any, Told]]


def play(folder: Path, life: Callable[[Invoke, Valve], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Open a valve on one function, whose events carry their user's label, and live with it."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(SOURCE)
    shutil.copy(Path(__file__).parent / "probe.py", folder / "src" / "probe.py")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "valve.yaml").write_text(POLICY)
    valve = Valve.read(Settings(template=folder / "template.yaml", **settings), lambda _: None)

    async def invoke(user: str, **event: Any) -> Told:
        told = {**event, "requestContext": {"authorizer": {"claims": {"sub": user}}}}
        done = await valve.invoke("Keeper", json.dumps(told).encode(), "Keeper.Api")
        answer: Told = json.loads(done.payload)
        assert event.get("end") or not done.failed, (event, answer)
        return answer

    async def whole() -> None:
        await valve.open()
        try:
            await life(invoke, valve)
        finally:
            await valve.close()

    asyncio.run(whole())


async def at_first(invoke: Invoke, valve: Valve) -> tuple[dict[str, str], set[str]]:
    """Return what is seen in environments that nobody has polluted, and which of it is always the same."""
    await born_alike(invoke, valve)
    seen = []
    for number in range(4):
        await invoke(f"clean{number}", code="pass")
        seen.append((await invoke(f"clean{number}", look=1))["seen"])
        await invoke(f"clean{number}", end=1)
    return seen[0], {name for name in seen[0] if all(each.get(name) == seen[0][name] for each in seen)}


async def born_alike(invoke: Invoke, valve: Valve) -> None:
    """Wait until every further environment is born of the zygote: who was started cold can tell."""
    for number in range(3):  # Why: a second environment is what has a zygote grow
        await invoke(f"first{number}", end=1)
    await valve._housing.rested()
    assert valve._housing._nursery._zygotes._grown
    for number in range(sum(spares.ready for spares in valve._housing._spares.values())):
        await invoke(f"spare{number}", end=1)  # Why: it was started before the zygote had grown


def other(seen: dict[str, str], clean: dict[str, str], same: set[str]) -> dict[str, tuple[Any, Any]]:
    """Return what is seen otherwise, and what was not there before."""
    names = {name for name in same if seen.get(name) != clean[name]} | (seen.keys() - clean.keys())
    return {name: (clean.get(name), seen.get(name)) for name in names}


def test_whatever_an_event_leaves_the_next_label_sees_a_cold_start(tmp_path: Path) -> None:
    async def life(invoke: Invoke, valve: Valve) -> None:
        await born_alike(invoke, valve)
        cold = [(await invoke(f"cold{number}", look=1))["seen"] for number in range(6)]
        same = {name for name in cold[0] if all(each.get(name) == cold[0][name] for each in cold[1:])}
        assert len(same) > 150
        for number, (what, code) in enumerate(handlers(MANY, seed=12)):
            await invoke(f"before{number}", code=code)
            seen = (await invoke(f"after{number}", look=1))["seen"]
            assert not other(seen, cold[0], same), what

    play(tmp_path, life)


def test_whoever_is_carried_over_is_seen_to_be(tmp_path: Path) -> None:
    async def life(invoke: Invoke, valve: Valve) -> None:
        clean, same = await at_first(invoke, valve)
        missed = []
        for number, (what, code) in enumerate(handlers(MANY, seed=12)):
            cannot = (await invoke(f"before{number}", code=code))["cannot"]
            seen = (await invoke(f"after{number}", look=1))["seen"]
            if not other(seen, clean, same) and set(cannot) != set(what.split(", ")):
                missed.append(what)
            assert set(cannot) <= CANNOT, (what, cannot)
            await invoke(f"after{number}", end=1)
        assert not missed

    play(tmp_path, life, reuse="carry")


LEAVES = """
import subprocess, threading, time, socket, sys, os
subprocess.Popen(["sleep", "900"], start_new_session=True)
threading.Thread(target=time.sleep, args=(900,), daemon=True).start()
open(f"/tmp/{os.urandom(4).hex()}", "w").write("x" * 100_000)
sys.modules["app"].kept = socket.create_server(("127.0.0.1", 0))
"""


def test_two_labels_in_turn_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event has a clean environment and leaves what it can in it; what the host has more is counted."""
    figures: list[dict[str, int]] = []

    async def life(invoke: Invoke, valve: Valve, turns: int) -> None:
        for number in range(turns):
            await invoke(("odd", "even")[number % 2], code=LEAVES)
            if number + 1 in {TURNS // 4, TURNS // 2, TURNS}:
                figures.append(await settled(valve))

    for name in ("first", "then", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    play(tmp_path / "first", lambda invoke, valve: life(invoke, valve, 4), reuse="never")
    before, groups = host(), abandoned()
    play(tmp_path / "then", lambda invoke, valve: life(invoke, valve, TURNS), reuse="never")
    after = host()
    assert figures[0]["processes"] > 0, "spares and a zygote are there"
    quarter, half, whole = figures
    assert whole["descriptors"] <= quarter["descriptors"]
    assert whole["processes"] <= quarter["processes"]
    assert whole["threads"] <= quarter["threads"]
    growth = (whole["memory"] - half["memory"]) / (TURNS / 2)
    if told := os.environ.get("VALVE_FIGURES"):
        Path(told).write_text(json.dumps({"events": TURNS, "figures": figures, "KiB an event": growth}))
    assert growth < MOST_GROWTH
    assert {name: max(after[name] - before[name], 0) for name in LEFT} == dict.fromkeys(LEFT, 0)
    assert not [group for group in abandoned() - groups if still(group)]


LEFT = ("descriptors", "processes", "mounts", "namespaces", "files")
MOST_GROWTH = 16.0
"""KiB an event. Why any: the records of a run are kept, up to a number, to tell ways with (`valve.KEPT`)."""


async def settled(valve: Valve) -> dict[str, int]:
    """Return the figures of this process and its children once nothing is being made or ended."""
    housing = valve._housing
    for pool in housing._pools.values():
        while pool._ending:
            await asyncio.wait(pool._ending)
    for spares in housing._spares.values():
        await spares.filled()
    while busy := housing.serving.busy:
        await asyncio.wait(busy)
    gc.collect()
    return host()


def host() -> dict[str, int]:
    """Return how much there is of everything that an environment could leave on this host."""
    ours = descendants()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "processes": len(ours),
        "threads": len([each for each in threading.enumerate() if not each.name.startswith("asyncio_")]),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "namespaces": len({space for pid in ours for space in namespaces(pid)} - set(namespaces("self"))),
        "files": len(list(Path(tempfile.gettempdir()).rglob("*"))),
        # Why this: what is mapped from files counts for more as others who have mapped it end.
        "memory": int(Path("/proc/self/smaps_rollup").read_text().split("Anonymous:")[1].split()[0]),
    }


def still(group: Path) -> bool:
    """Say whether a group stays: what another run on this host is about to remove does not."""
    until = time.monotonic() + 5
    while group.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return group.exists()


def abandoned() -> set[Path]:
    """Return control groups of sandboxes that are gone."""
    folders = (Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup"))
    groups = [folder for folder in folders if folder.parent.name == "valve-aws"]
    return {each for each in groups if not Path("/proc", each.name.partition("-")[2]).exists()}


def descendants() -> list[str]:
    """Return the pids of all that came of this process."""
    found, ahead = [], [str(os.getpid())]
    while ahead:
        for children in Path("/proc", ahead.pop(), "task").glob("*/children"):
            with contextlib.suppress(OSError):
                ahead += (names := children.read_text().split())
                found += names
    return found


def namespaces(pid: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [str(each.readlink()) for each in Path("/proc", pid, "ns").iterdir()]
    return []
