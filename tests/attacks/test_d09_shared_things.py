"""D09: Two environments signal by what one kernel has for both: a lock, a counter, a figure.

Knows the signals. Does not know how they are kept apart; `tests/sandbox/test_apart.py` tries every one.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.attacks.walled import TRIGGER, Walled
from valve_aws.settings import Settings
from valve_aws.valve import Valve

SIGNAL = """
import ctypes, fcntl, os, select, signal, sys, threading
kept = []
def procs():
    b = ctypes.create_string_buffer(112)
    ctypes.CDLL(None).sysinfo(b)
    return int.from_bytes(b[80:82], 'little')
def lock():
    try:
        kept.append(select.epoll())
        fcntl.flock(kept[-1].fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return 'free'
    except OSError:
        return 'taken'
def crowd():
    threading.stack_size(65536)
    for _ in range(400):
        kept.append(threading.Thread(target=threading.Event().wait, daemon=True)); kept[-1].start()
def handler(event, context):
    if event['do'] == 'seek':
        return [lock(), procs() // 200]
    lock(); crowd()
    print('held', flush=True)
    threading.Event().wait()
"""


async def met(walled: Walled, walls: bool) -> list[object]:
    """Return what a function saw before and while another held on, each in an environment of its own."""
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    def say(line: str) -> None:
        if "held" in line:
            loop.call_soon_threadsafe(held.set)

    settings = Settings(
        template=walled.folder / "template.yaml",
        mode="enforce" if walls else "off",
        unsafe=not walls,
        audit=walled.folder / "audit.jsonl",
        labels=walled.folder / "labels.db",
        reuse="never",
    )
    valve = Valve.read(settings, say)
    await valve.open()

    async def seek() -> object:
        return json.loads((await valve.invoke("Hostile", b'{"do": "seek"}')).payload)

    try:
        before = await seek()
        holding = asyncio.ensure_future(valve.invoke("Hostile", b'{"do": "hold"}', TRIGGER))
        await asyncio.wait_for(held.wait(), 30)
        beside = await seek()
        holding.cancel()
        return [before, beside]
    finally:
        await valve.close()


@pytest.mark.parametrize("walls", [False, True])
def test_a_labelled_function_signals_without_walls_and_not_within_them(walled: Walled, walls: bool) -> None:
    walled.lay(SIGNAL)
    before, beside = asyncio.run(met(walled, walls))
    assert (before == beside) is walls, (before, beside)
    if walls:
        assert before == ["free", 0]
