"""Datagrams with the address that each was sent to, so that its answer comes from there.

Knows IP_PKTINFO. Does not know DNS.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from functools import partial

PKTINFO_4 = getattr(socket, "IP_PKTINFO", 8)
"""Linux's value; Python names it from 3.14 on."""
PKTINFO_6 = getattr(socket, "IPV6_PKTINFO", 50)
RECVPKTINFO_6 = getattr(socket, "IPV6_RECVPKTINFO", 49)

LARGEST = 4096
"""Bytes. A question of 255 bytes with EDNS options fits many times; longer datagrams are cut and then do
not parse."""
BURST = 64
"""Datagrams taken in one go before others get their turn."""

Send = Callable[[bytes], None]


class Datagrams:
    """One UDP socket that any address leads to. `received` is given each datagram and a way to answer it."""

    def __init__(self, udp: socket.socket, received: Callable[[bytes, str, Send], None]) -> None:
        self._udp = udp
        self._received = received
        udp.setblocking(False)
        if udp.family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, RECVPKTINFO_6, 1)
        else:
            udp.setsockopt(socket.IPPROTO_IP, PKTINFO_4, 1)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(udp.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(BURST):
            try:
                message, control, _, peer = self._udp.recvmsg(LARGEST, 256)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # Why: an ICMP error about an earlier answer shows up here, once.
                continue
            came_to, back = self._target(control)
            self._received(message, came_to, partial(self._send, peer, back))

    def _target(self, control: list[tuple[int, int, bytes]]) -> tuple[str, list[tuple[int, int, bytes]]]:
        """Return the address that the datagram was sent to, and the control message that answers from it."""
        for level, kind, value in control:
            if (level, kind) == (socket.IPPROTO_IP, PKTINFO_4) and len(value) >= 12:
                meant = value[8:12]
                back = struct.pack("=i", 0) + meant + bytes(4)
                return socket.inet_ntop(socket.AF_INET, meant), [(level, kind, back)]
            if (level, kind) == (socket.IPPROTO_IPV6, PKTINFO_6) and len(value) >= 20:
                meant = value[:16]
                return socket.inet_ntop(socket.AF_INET6, meant), [(level, kind, meant + struct.pack("=i", 0))]
        return "", []

    def _send(self, peer: object, back: list[tuple[int, int, bytes]], answer: bytes) -> None:
        try:
            self._udp.sendmsg([answer], back, 0, peer)  # type: ignore[arg-type]  # whatever recvmsg gave
        except OSError:
            # Why: a client that is gone, or a full socket: UDP may lose an answer, and the client asks again.
            return

    def close(self) -> None:
        """Stop listening and close the socket."""
        if self._udp.fileno() >= 0:
            self._loop.remove_reader(self._udp.fileno())
            self._udp.close()
