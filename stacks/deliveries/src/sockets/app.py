"""Raw sockets: TLS with the system's own bundle, HTTP written by hand, and a database's port."""

import socket
import ssl

import errand

CONTEXT = ssl.create_default_context(cafile=ssl.get_default_verify_paths().openssl_cafile)


def handler(event, context):
    email = errand.address(post(errand.reading())[1])
    letters = errand.sending_as_of_old(event, email)
    statuses = {step: post(letter)[0] for step, letter in letters.items()}
    return {**statuses, "tcp": dial(f"{event['to']}.db.test", f"{event['as']} {email}")}


def post(letter):
    plain = socket.create_connection((letter.host, 443), timeout=10)
    with CONTEXT.wrap_socket(plain, server_hostname=letter.host) as tls:
        lines = [f"{letter.method} {letter.path} HTTP/1.1", f"content-length: {len(letter.body)}"]
        lines += [f"{name}: {value}" for name, value in errand.signed(letter).items()]
        tls.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode() + letter.body)
        told = b"".join(iter(lambda: tls.recv(65536), b""))
    head, _, body = told.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def dial(host, line):
    """Say a line to a port that speaks no HTTP; its answer, or what went wrong."""
    try:
        with socket.create_connection((host, 5432), timeout=10) as plain:
            plain.sendall(f"{line}\n".encode())
            return plain.recv(64).decode() or "closed"
    except OSError as error:
        return type(error).__name__
