"""E06: Memory, processes, files and time without end.

Knows what is taken. Does not know who counts it; `tests/sandbox/test_limits.py` fills buffers of the kernel
and the disk.
"""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator

import pytest

from tests.attacks.walled import TRIGGER, Walled
from valve_aws.running import serving

TAKE = """
import os, resource, signal, socket, threading, time
def memory():
    return len(bytearray(b'x') * (400 << 20)) >> 20
def children():
    told, tell = os.pipe()
    for _ in range(5):
        if not os.fork():
            kept = bytearray(b'x') * (60 << 20); os.write(tell, b'!'); signal.pause()
    had = len([os.read(told, 1) for _ in range(5)])
    return had
def files():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kept = []
    try:
        for _ in range(3000): kept.append(open('/dev/null'))
    except OSError: pass
    return len(kept)
def threads():
    threading.stack_size(65536)
    wait, made = threading.Event(), 0
    try:
        for _ in range(1500): threading.Thread(target=wait.wait, daemon=True).start(); made += 1
    except RuntimeError: pass
    wait.set()
    return made
def nothing():
    return 'lived'
def forever():
    while True: pass
def handler(event, context):
    return globals()[event['take']]()
"""


def test_without_walls_there_is_no_end(walled: Walled) -> None:
    walled.lay(TAKE)
    assert walled.run({"take": "memory"}, "off", walls=False).told == 400
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert walled.run({"take": "files"}, "off", walls=False).told >= min(3000, most - 50)
    assert walled.run({"take": "threads"}, "off", walls=False).told == 1500


@pytest.mark.parametrize("take", ["memory", "children"])
def test_memory_ends_as_on_lambda_and_others_live(walled: Walled, take: str) -> None:
    walled.lay(TAKE)
    ran, other = walled.together([{"take": take}, {"take": "nothing"}], trigger=TRIGGER)
    assert ran.finished.failed
    assert ran.told["errorType"] == "Runtime.OutOfMemory", ran.told
    assert other.told == "lived"


def test_files_and_threads_end_at_lambda_s_own_numbers(walled: Walled) -> None:
    walled.lay(TAKE)
    files, threads, other = walled.together([{"take": take} for take in ("files", "threads", "nothing")])
    assert 900 < files.told <= 1024
    assert 900 < threads.told <= 1024
    assert other.told == "lived"


def test_time_ends_as_on_lambda(walled: Walled) -> None:
    walled.lay(TAKE)
    template = walled.folder / "template.yaml"
    template.write_text(template.read_text().replace("Timeout: 60", "Timeout: 1"))
    ran = walled.run({"take": "forever"})
    assert ran.told["errorType"] == "Sandbox.Timedout"


BODIES = """
import select, socket
WHOLE = 5 << 20
def handler(event, context):
    left = {}
    for _ in range(event['many']):
        made = socket.create_connection(('127.0.0.1', 9001))
        made.sendall(b'POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\n')
        made.sendall(b'Host: x\\r\\nContent-Length: 6291456\\r\\n\\r\\n')
        made.setblocking(False)
        left[made] = WHOLE
    while any(left.values()):
        # Why such patience until then: a busy machine takes them as slowly.
        taken = sum(not each for each in left.values())
        seconds = 1 if taken >= event['least'] else 30
        _, ready, _ = select.select([], [made for made in left if left[made]], [], seconds)
        if not ready:
            break
        for made in ready:
            left[made] -= made.send(bytes(min(65536, left[made])))
    return sum(not each for each in left.values())
"""
"""Sends most of a body by each of many connections, and says how many were taken."""


def test_bodies_for_the_runtime_api_do_not_fill_the_valve_s_memory(
    walled: Walled, monkeypatch: pytest.MonkeyPatch
) -> None:
    walled.lay(BODIES)
    assert walled.run({"many": 12, "least": serving.BODIES}).told == serving.BODIES
    monkeypatch.setattr(serving, "BODIES", 1000)
    assert walled.run({"many": 12, "least": 12}).told == 12


ASKS = """
import http.client
def handler(event, context):
    asked = http.client.HTTPConnection('127.0.0.1', 9001)
    asked.request('GET', '/2018-06-01/ping', bytes(1000000))
    return asked.getresponse().read().decode()
"""


def test_of_a_body_that_nobody_asked_for_nothing_is_kept(
    walled: Walled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that waits would keep it for as long as its environment lives."""
    kept: list[bytes] = []
    whole = serving._whole

    async def seen(content: AsyncIterator[bytes], most: int) -> bytes:
        kept.append(await whole(content, most))
        return kept[-1]

    monkeypatch.setattr(serving, "_whole", seen)
    assert walled.lay(ASKS).run({}).told == "pong"
    assert [body for body in kept if body] == [b'"pong"']
