"""B07: Addresses and families beside the internet: IPv6, link-local, loopback, UNIX sockets, vsock.

Knows what is called. Does not know who answers.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.walled import TRIGGER, Walled, machine

CALL = """
import os, socket
def over(family, kind, address, text, protocol=0):
    with socket.socket(family, kind, protocol) as s:
        s.settimeout(5)
        s.connect(address)
        s.send(text)
        if address[1] == 80: s.recv(99)
        return 'sent'
def handler(event, context):
    ways = {
        'loopback': (socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', event['tcp'])),
        'loopback of IPv6': (socket.AF_INET6, socket.SOCK_STREAM, ('::1', event['tcp6'])),
        'a datagram': (socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', event['udp'])),
        'an abstract socket': (socket.AF_UNIX, socket.SOCK_STREAM, '\\0' + event['abstract']),
        'a path socket': (socket.AF_UNIX, socket.SOCK_STREAM, event['path']),
        'netlink': (socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
        'vsock': (40, socket.SOCK_STREAM, (1, 1)),
        'ICMP': (socket.AF_INET, socket.SOCK_RAW, ('127.0.0.1', 0), socket.IPPROTO_ICMP),
        'metadata': (socket.AF_INET, socket.SOCK_STREAM, ('169.254.169.254', 80)),
        'credentials': (socket.AF_INET, socket.SOCK_STREAM, ('169.254.170.2', 80)),
        'metadata of IPv6': (socket.AF_INET6, socket.SOCK_STREAM, ('fd00:ec2::254', 80)),
    }
    told = {}
    for name, (family, kind, address, *protocol) in ways.items():
        if name.split()[0] in ('metadata', 'credentials') and not event['walls']:
            continue
        at = str(address[0])
        line = 'GET /%s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' % (event['word'], f'[{at}]' if ':' in at else at)
        text = line.encode()
        try: told[name] = over(family, kind, address, text, *protocol)
        except OSError as e: told[name] = type(e).__name__
    return told
"""
LISTENED = ("loopback", "loopback of IPv6", "a datagram", "an abstract socket", "a path socket")


@contextlib.contextmanager
def host(path: Path) -> Iterator[tuple[dict[str, object], queue.SimpleQueue[str]]]:
    """Listen on the host by every way that a function could try; yield where, and the ways that were used."""
    name = f"valve-{os.urandom(8).hex()}"
    sockets = {
        "loopback": socket.create_server(("127.0.0.1", 0)),
        "loopback of IPv6": socket.create_server(("::1", 0), family=socket.AF_INET6),
        "a datagram": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "an abstract socket": socket.socket(socket.AF_UNIX),
        "a path socket": socket.socket(socket.AF_UNIX),
    }
    sockets["a datagram"].bind(("127.0.0.1", 0))
    sockets["an abstract socket"].bind(f"\0{name}")
    sockets["a path socket"].bind(str(path))
    path.chmod(0o777)
    for each in (sockets["an abstract socket"], sockets["a path socket"]):
        each.listen()
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    kept: list[object] = []
    """What was accepted: closed at once, its client would be told that nobody reads."""

    def listen(way: str, here: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while got := here.recv(512) if here.type == socket.SOCK_DGRAM else here.accept():
                kept.append(got)
                heard.put(way)

    threads = [threading.Thread(target=listen, args=each, daemon=True) for each in sockets.items()]
    for thread in threads:
        thread.start()
    where: dict[str, object] = {
        "tcp": sockets["loopback"].getsockname()[1],
        "tcp6": sockets["loopback of IPv6"].getsockname()[1],
        "udp": sockets["a datagram"].getsockname()[1],
        "abstract": name,
        "path": str(path),
    }
    try:
        yield where, heard
    finally:
        for each in sockets.values():
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_the_host_hears_all_of_it_without_walls_and_nothing_within_them(
    walled: Walled, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What reaches the valve in place of a link-local address is a call to a host, and refused as one."""
    walled.lay(CALL)
    with host(tmp_path_factory.mktemp("host") / "socket") as (where, heard):
        bare = walled.run({**where, "word": "x", "walls": False}, "off", walls=False).told
        assert [bare[name] for name in LISTENED] == ["sent"] * len(LISTENED)
        assert {heard.get(timeout=10) for _ in LISTENED} == set(LISTENED)
        ran = walled.run({**where, "word": "x", "walls": True}, trigger=TRIGGER)
        assert heard.empty()
    sent = {name for name, how in ran.told.items() if how == "sent"}
    # A datagram leaves without an answer; the one answer to the rest is the valve's refusal.
    assert sent <= {"a datagram", "metadata", "credentials", "metadata of IPv6"}, ran.told
    assert "valve:Visit" in ran.refused
    hosts = {str(r.resources) + str(r.parameters) for r in ran.records if r.verdict == "refuse"}
    for address in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254"):
        assert any(address in told for told in hosts), (address, hosts)


def test_a_host_that_is_declared_is_reached_by_its_own_name(walled: Walled) -> None:
    code = (
        "import urllib.request\ndef handler(e, c): return urllib.request.urlopen('http://kept.test/x').status"
    )
    with machine() as (port, told):
        walled.resolve = {("kept.test", 80): ("127.0.0.1", port)}
        ran = walled.lay(code).run({}, trigger=TRIGGER)
        assert (ran.told, ran.refused, told) == (204, set(), ["/x "])
