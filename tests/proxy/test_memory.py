"""A very large object passes either way while the proxy's own process stays as small as it was."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

GIB = 1 << 30
BLOCK = b"z" * (1 << 18)

PROXY = """
import asyncio, socket, sys
from valve_aws.model.plan import Listeners
from valve_aws.proxy import Server, Target, Upstream

def status(key):
    with open("/proc/self/status") as lines:
        return next(line.split()[1] for line in lines if line.startswith(key))

async def main():
    far, upstream = Target("127.0.0.1", int(sys.argv[1]), False), Upstream()

    async def request(exchange):
        head = exchange.head
        if head.target == "/memory":
            with open("/proc/self/clear_refs", "w") as peak:
                peak.write("5") if "reset" in head.header("x-do") else None
            await exchange.respond(200, [], status("VmHWM:").encode())
            return
        body = exchange.stream() if exchange.length != 0 else None
        reply = await upstream.send(far, head.method, head.target, head.headers, body, exchange.length)
        await exchange.respond(reply.status, reply.headers, reply.stream(), reply.length)

    async def no(*_):
        return False

    tcp = socket.create_server(("127.0.0.1", 0))
    await Server.open(Listeners((tcp,), (), True), "e", None, request, no, no)
    print(tcp.getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def head_of(client: socket.socket) -> bytes:
    """Return what has been received once it holds a whole head."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = client.recv(65536)
        assert piece
        found += piece
    return found


def far_side(client: socket.socket) -> None:
    """Answer each GET with a GiB and each PUT, once its GiB is read, with how much that was."""
    room = bytearray(1 << 18)
    with client, contextlib.suppress(OSError, AssertionError):
        while True:
            head, _, rest = head_of(client).partition(b"\r\n\r\n")
            if head.startswith(b"GET"):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
                for _ in range(GIB // len(BLOCK)):
                    client.sendall(BLOCK)
                continue
            size = len(rest)
            while size < GIB:
                size += client.recv_into(room)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(size)), size))


@pytest.fixture
def far() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=far_side, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(far: int) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", PROXY, str(far)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.kill()


def ask(port: int, do: str) -> int:
    """Return the most memory that the proxy had resident, KiB; `reset` starts the count anew."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(f"GET /memory HTTP/1.0\r\nHost: h\r\nX-Do: {do}\r\n\r\n".encode())
        found = head_of(client)
        while piece := client.recv(65536):
            found += piece
        return int(found.rpartition(b"\r\n")[2])


@pytest.mark.slow
def test_a_gib_passes_either_way_with_less_than_32_mib_growth(proxy: int) -> None:
    before = ask(proxy, "reset")
    room = bytearray(1 << 18)
    with socket.create_connection(("127.0.0.1", proxy), timeout=120) as client:
        client.sendall(b"GET /down HTTP/1.1\r\nHost: h\r\n\r\n")
        head, _, rest = head_of(client).partition(b"\r\n\r\n")
        assert b"content-length: %d" % GIB in head.lower()
        size = len(rest)
        while size < GIB:
            size += client.recv_into(room)
        assert size == GIB
        client.sendall(b"PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % GIB)
        for _ in range(GIB // len(BLOCK)):
            client.sendall(BLOCK)
        answer = head_of(client)
        while not answer.endswith(str(GIB).encode()):
            answer += client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
    assert ask(proxy, "read") - before < 32 * 1024
