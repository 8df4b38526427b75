"""The four things asked of the kernel's network tables, as netlink messages.

Knows rtnetlink and nf_tables on the wire (linux/rtnetlink.h, linux/netfilter/nf_tables.h). Does not send
anything.
"""

from __future__ import annotations

from _struct import pack

AF_INET, AF_INET6 = 2, 10
REQUEST, ACK, CREATE = 0x1, 0x4, 0x400
ASKED = REQUEST | ACK
NESTED = 0x8000

_RTM_NEWLINK, _RTM_NEWROUTE = 16, 24
_IFF_UP = 1
_LOOPBACK = 1
"""In a new network namespace `lo` is the first and only interface."""
_TABLE_LOCAL, _PROTOCOL_STATIC, _SCOPE_HOST, _TYPE_LOCAL, _RTA_OIF = 255, 4, 254, 2, 4

_BATCH_BEGIN, _BATCH_END, _SUBSYSTEM = 16, 17, 10
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 3, 6
_HOOK_PREROUTING, _PRIORITY_MANGLE = 0, -150
_REGISTER, _REGISTER_PORT = 1, 2
_EQUAL, _DIFFERENT = 0, 1
_META_L4PROTO = 16
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_TCP = 6
_TABLE, _CHAIN = b"valve\0", b"arrivals\0"


def message(kind: int, flags: int, body: bytes) -> bytes:
    """Return struct nlmsghdr and its body."""
    return pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def link_up() -> bytes:
    """`ip link set lo up`."""
    return message(_RTM_NEWLINK, ASKED, pack("=BBHiII", 0, 0, 0, _LOOPBACK, _IFF_UP, _IFF_UP))


def every_address_is_local(family: int) -> bytes:
    """`ip route add local default dev lo`: whatever address a process calls, it is this machine."""
    route = pack("=BBBBBBBBI", family, 0, 0, 0, _TABLE_LOCAL, _PROTOCOL_STATIC, _SCOPE_HOST, _TYPE_LOCAL, 0)
    return message(_RTM_NEWROUTE, ASKED | CREATE, route + attribute(_RTA_OIF, pack("=I", _LOOPBACK)))


def every_port_arrives(family: int, port: int) -> bytes:
    """Return one nf_tables batch: the first packet of a TCP connection goes to the transparent listener on
    `port`.

    Loopback itself is left out: a function may talk to a server of its own there, as it may on Lambda. One
    rule is enough: later packets find the accepted socket, which has the address and port that were meant
    (Documentation/networking/tproxy).
    """
    table = attribute(1, _TABLE)
    hook = nest(4, attribute(1, pack(">I", _HOOK_PREROUTING)), attribute(2, pack(">i", _PRIORITY_MANGLE)))
    chain = attribute(1, _TABLE) + attribute(3, _CHAIN) + hook + attribute(7, b"filter\0")
    if family == AF_INET:
        elsewhere = [_payload(_NETWORK_HEADER, 16, 1), _compare(_DIFFERENT, b"\x7f")]
    else:
        elsewhere = [_payload(_NETWORK_HEADER, 24, 16), _compare(_DIFFERENT, bytes(15) + b"\x01")]
    expressions = [
        _expression(b"meta\0", attribute(1, pack(">I", _REGISTER)), attribute(2, pack(">I", _META_L4PROTO))),
        _compare(_EQUAL, bytes([_TCP])),
        *elsewhere,
        _payload(_TRANSPORT_HEADER, 13, 1),
        _expression(
            b"bitwise\0",
            attribute(1, pack(">I", _REGISTER)),
            attribute(2, pack(">I", _REGISTER)),
            attribute(3, pack(">I", 1)),
            nest(4, attribute(1, b"\x12")),  # SYN and ACK of the flags
            nest(5, attribute(1, b"\x00")),
        ),
        _compare(_EQUAL, b"\x02"),
        _expression(
            b"immediate\0", attribute(1, pack(">I", _REGISTER_PORT)), nest(2, attribute(1, pack(">H", port)))
        ),
        _expression(b"tproxy\0", attribute(1, pack(">I", family)), attribute(3, pack(">I", _REGISTER_PORT))),
    ]
    rule = attribute(1, _TABLE) + attribute(2, _CHAIN) + nest(4, *expressions)
    parts = [
        message(_BATCH_BEGIN, REQUEST, pack(">BBH", 0, 0, _SUBSYSTEM)),
        _tables(_NEW_TABLE, family, table),
        _tables(_NEW_CHAIN, family, chain),
        _tables(_NEW_RULE, family, rule),
        message(_BATCH_END, REQUEST, pack(">BBH", 0, 0, _SUBSYSTEM)),
    ]
    return b"".join(parts)


ANSWERS_TO_A_BATCH = 3


def attribute(kind: int, value: bytes) -> bytes:
    """Return struct nlattr and its value, padded to four bytes."""
    return pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nest(kind: int, *inner: bytes) -> bytes:
    """Return an attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(inner))


def _tables(kind: int, family: int, body: bytes) -> bytes:
    return message(_SUBSYSTEM << 8 | kind, ASKED | CREATE, pack(">BBH", family, 0, 0) + body)


def _expression(name: bytes, *fields: bytes) -> bytes:
    return nest(1, attribute(1, name), nest(2, *fields))


def _payload(base: int, offset: int, length: int) -> bytes:
    fields = [(1, _REGISTER), (2, base), (3, offset), (4, length)]
    return _expression(b"payload\0", *(attribute(kind, pack(">I", value)) for kind, value in fields))


def _compare(how: int, value: bytes) -> bytes:
    given = nest(3, attribute(1, value))
    return _expression(b"cmp\0", attribute(1, pack(">I", _REGISTER)), attribute(2, pack(">I", how)), given)
