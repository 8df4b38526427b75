"""TLS as clients see it: opened for the name that is asked for, and for no other."""

from __future__ import annotations

import contextlib
import http.client
import random
import ssl
from typing import Any

import pytest


def test_tls_shows_a_certificate_for_the_name_that_is_asked_for(echo: Any) -> None:
    with (
        echo.connect() as plain,
        echo.trust().wrap_socket(plain, server_hostname="s3.us-east-1.amazonaws.com") as client,
    ):
        client.sendall(b"GET /a HTTP/1.1\r\nHost: s3.us-east-1.amazonaws.com\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    origin = echo.heads[-1].origin
    assert (origin.scheme, origin.sni, origin.port) == ("https", "s3.us-east-1.amazonaws.com", echo.port)


def test_tls_without_a_name_shows_a_certificate_for_the_address(echo: Any) -> None:
    with echo.connect() as plain, echo.trust().wrap_socket(plain, server_hostname="127.0.0.1") as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: anything\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert echo.heads[-1].origin.sni == ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_bodies_pass_through_tls_both_ways(echo: Any, version: ssl.TLSVersion) -> None:
    context = echo.trust()
    context.minimum_version = context.maximum_version = version
    client = http.client.HTTPSConnection("127.0.0.1", echo.port, context=context)
    body = random.Random(1).randbytes(3 << 20)
    for _ in range(2):
        client.request("PUT", "/", body=body)
        assert client.getresponse().read() == body
    client.close()


def test_tls_within_a_tunnel_is_opened_and_its_name_must_be_the_tunnels(echo: Any) -> None:
    client = http.client.HTTPSConnection("127.0.0.1", echo.port, context=echo.trust())
    client.set_tunnel("sqs.us-east-1.amazonaws.com", 443)
    client.request("POST", "/q", body=b"abc")
    assert client.getresponse().read() == b"abc"
    client.close()
    head = echo.heads[-1]
    assert (head.host, head.origin.connect, head.origin.sni, head.origin.scheme) == (
        "sqs.us-east-1.amazonaws.com",
        "sqs.us-east-1.amazonaws.com:443",
        "sqs.us-east-1.amazonaws.com",
        "https",
    )
    with echo.connect() as plain:
        plain.sendall(b"CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\n\r\n")
        plain.recv(1000)
        with pytest.raises((ssl.SSLError, OSError)):
            echo.trust().wrap_socket(plain, server_hostname="evil.example")


def test_a_host_header_that_is_not_the_tls_name_is_misdirected(echo: Any) -> None:
    before = len(echo.heads)
    with echo.connect() as plain, echo.trust().wrap_socket(plain, server_hostname="good.example") as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 421 ")
    assert len(echo.heads) == before


def test_a_client_that_offers_http_2_gets_http_1_1(echo: Any) -> None:
    context = echo.trust()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with echo.connect() as plain, context.wrap_socket(plain, server_hostname="h.example") as client:
        assert client.selected_alpn_protocol() == "http/1.1"


def test_an_http_2_preface_is_told_to_use_http_1_1(echo: Any) -> None:
    received = echo.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    assert received.endswith(b"only HTTP/1.1 is spoken")
    assert received[9 + 9 + 4 :][:4] == b"\0\0\0\x0d"


def test_bytes_that_come_together_with_the_end_of_the_handshake_are_not_lost(echo: Any) -> None:
    context = echo.trust()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="h.example")
    with echo.connect() as client:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65536))
        tls.write(b"GET /early HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n")
        client.sendall(outgoing.read())
        received = b""
        while piece := client.recv(65536):
            incoming.write(piece)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                while text := tls.read(65536):
                    received += text
    assert received.startswith(b"HTTP/1.1 200 ")
    assert echo.heads[-1].target == "/early"


def test_garbage_after_a_tls_start_is_answered_by_an_alert(echo: Any) -> None:
    before = len(echo.refused)
    assert echo.say(b"\x16\x03\x01\x00\x05hello" + b"x" * 50)[:1] == b"\x15"
    assert len(echo.refused) == before + 1
