"""The network inside: every address is this machine, and the valve's listeners are all that answers there.

Knows sockets and routes of one network namespace. Does not know who accepts on the sockets.
"""

from __future__ import annotations

from _socket import socket

from valve_aws.sandbox.inside import netlink

SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_CLOEXEC = 1, 2, 3, 0x80000
AF_NETLINK, NETLINK_ROUTE, NETLINK_NETFILTER = 16, 0, 12
SOL_SOCKET, SO_REUSEADDR, SO_RCVTIMEO = 1, 2, 20
SOL_IP, IP_PKTINFO, IP_TRANSPARENT = 0, 8, 19
SOL_IPV6, IPV6_V6ONLY, IPV6_RECVPKTINFO, IPV6_TRANSPARENT = 41, 26, 49, 75

TCP_PORTS = (443, 80, 9001, 53)
"""HTTPS (which also takes what the rule for all other ports brings), HTTP, the Runtime API, DNS."""
DNS = 53
BACKLOG = 4096
"""net.core.somaxconn of a new namespace: a function may open many connections before the valve's loop comes
round."""

FAMILIES = ((netlink.AF_INET, "0.0.0.0"), (netlink.AF_INET6, "::"))


def raise_network() -> tuple[list[socket], list[socket], bool]:
    """Return listening TCP sockets, bound UDP sockets, and whether every TCP port arrives.

    Only loopback exists, so nothing leaves; every address being local, nothing is unreachable either. IPv6 is
    left out where the kernel has none: then no process can make such a socket.
    """
    tell(NETLINK_ROUTE, netlink.link_up())
    tcp: list[socket] = []
    udp: list[socket] = []
    every_port = True
    for family, anywhere in FAMILIES:
        try:
            socket(family, SOCK_STREAM).close()
        except OSError:
            continue
        tell(NETLINK_ROUTE, netlink.every_address_is_local(family))
        tcp += [_listen(family, anywhere, port) for port in TCP_PORTS]
        udp.append(_bind(family, SOCK_DGRAM, anywhere, DNS))
        every_port &= _redirect(family)
    return tcp, udp, every_port


def _redirect(family: int) -> bool:
    try:
        tell(NETLINK_NETFILTER, netlink.every_port_arrives(family, TCP_PORTS[0]), netlink.ANSWERS_TO_A_BATCH)
    except OSError:
        return False  # this kernel has no nf_tables or no nft_tproxy: the other ports refuse connections
    return True


def _listen(family: int, address: str, port: int) -> socket:
    made = _bind(family, SOCK_STREAM, address, port)
    made.listen(BACKLOG)
    return made


def _bind(family: int, kind: int, address: str, port: int) -> socket:
    made = socket(family, kind | SOCK_CLOEXEC)
    if family == netlink.AF_INET6:
        made.setsockopt(SOL_IPV6, IPV6_V6ONLY, 1)
        made.setsockopt(SOL_IPV6, IPV6_TRANSPARENT, 1)
    else:
        made.setsockopt(SOL_IP, IP_TRANSPARENT, 1)
    if kind == SOCK_DGRAM:
        # Why: with it `recvmsg` tells which address was asked, and an answer can be sent from that address.
        level, option = (SOL_IPV6, IPV6_RECVPKTINFO) if family == netlink.AF_INET6 else (SOL_IP, IP_PKTINFO)
        made.setsockopt(level, option, 1)
    made.bind((address, port))
    return made


def tell(protocol: int, messages: bytes, answers: int = 1) -> None:
    """Send netlink messages and raise OSError for the first that the kernel refuses."""
    with_kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
    try:
        with_kernel.settimeout(5)
        with_kernel.bind((0, 0))
        with_kernel.send(messages)
        while answers > 0:
            answers -= _read_answers(with_kernel.recv(65536))
    finally:
        with_kernel.close()


def _read_answers(received: bytes) -> int:
    """Return how many acknowledgements (NLMSG_ERROR with error 0) there are."""
    count = 0
    while len(received) >= 20:
        size = int.from_bytes(received[:4], "little")
        errno = -int.from_bytes(received[16:20], "little", signed=True)
        if errno:
            raise OSError(errno, "netlink")
        count += 1
        received = received[max((size + 3) & ~3, 16) :]
    return count
