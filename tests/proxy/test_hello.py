"""TLS greetings and the certificates that answer them."""

from __future__ import annotations

import functools
import ssl
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.steps import bounded
from valve_aws.proxy.authority import KEPT, Authority
from valve_aws.proxy.grammar import Malformed
from valve_aws.proxy.hello import Greeting
from valve_aws.proxy.limits import LIMITS

MOST = LIMITS.hello


def server_name(stream: bytes, most: int) -> str | None:
    return Greeting(most).feed(stream)


@functools.cache
def greeting(name: str | None) -> bytes:
    """Return what OpenSSL says first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def records(message: bytes, size: int) -> bytes:
    """Return a handshake message cut over several records."""
    return b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
        for part in (message[i : i + size] for i in range(0, len(message), size))
    )


def with_extensions(*extensions: tuple[int, bytes]) -> bytes:
    block = b"".join(k.to_bytes(2, "big") + len(v).to_bytes(2, "big") + v for k, v in extensions)
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(block).to_bytes(2, "big") + block
    return records(b"\1" + len(body).to_bytes(3, "big") + body, 16000)


def names(*found: bytes, kind: int = 0) -> bytes:
    entries = b"".join(bytes([kind]) + len(n).to_bytes(2, "big") + n for n in found)
    return len(entries).to_bytes(2, "big") + entries


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("s3.amazonaws.com", "s3.amazonaws.com"),
        ("My_Bucket.S3.AmazonAWS.com", "my_bucket.s3.amazonaws.com"),
        (None, ""),
    ],
)
def test_the_name_is_read_out_of_a_real_greeting_however_it_is_cut(name: str | None, read: str) -> None:
    whole = greeting(name)
    assert server_name(whole, MOST) == read
    for size in (1, 7, 100):
        assert server_name(records(whole[5:], size)[:MOST], MOST) in (read, None)
    assert server_name(records(whole[5:], 50), MOST) == read
    assert all(server_name(whole[:n], MOST) is None for n in range(2, len(whole)))


@pytest.mark.parametrize(
    "broken",
    [
        with_extensions((0, names(b"a.example", b"b.example"))),
        with_extensions((0, names(b"a.example")), (0, names(b"b.example"))),
        with_extensions((0, names(b"a.example", kind=1))),
        with_extensions((0, names(b"a b"))),
        with_extensions((0, names(b"a\0.example"))),
        with_extensions((0, names("ü.example".encode()))),
        with_extensions((0, names(b""))),
        with_extensions((0, b"\xff\xff\0")),
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x01\x01",
        records(b"\1\0\3\xe7" + b"\3" * 500, 1),
    ],
    ids=range(14),
)
def test_a_greeting_that_means_two_things_or_none_is_refused(broken: bytes) -> None:
    with pytest.raises(Malformed):
        server_name(broken, 1000)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_make_the_reader_of_greetings_fail(noise: bytes, at: int) -> None:
    whole = greeting("h.example")
    for stream in (b"\x16\x03\x01" + noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            found = server_name(stream, MOST)
        except Malformed:
            continue
        assert found is None or found == "" or found.isascii()


@given(st.lists(st.integers(1, 300), max_size=30), st.integers(1, 300))
def test_a_greeting_that_comes_in_pieces_is_the_same(cuts: list[int], size: int) -> None:
    whole = records(greeting("h.example")[5:], size)[: MOST + 1000]
    reading, found, at = Greeting(MOST), None, 0
    for cut in [*cuts, len(whole)]:
        found = reading.feed(whole[at : at + cut]) if found is None else found
        at += cut
    assert found == Greeting(MOST).feed(whole)


def test_a_greeting_of_a_byte_a_record_costs_no_more_a_byte_the_longer_it_gets() -> None:
    def work(size: int) -> int:
        hello = b"\1" + (MOST - 10).to_bytes(3, "big") + bytes(size)
        stream = records(hello, 1)
        reading = Greeting(MOST)
        return bounded(lambda: [reading.feed(stream[i : i + 1]) for i in range(len(stream))], 10**7)[1]

    assert work(2000) < 2.2 * work(1000)


def certificate(authority: Authority, name: str, now: float) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.leaf(name, now))


def test_a_leaf_names_exactly_what_was_asked_for_and_lasts_a_day(authority: Any) -> None:
    now = 1_800_000_000.0
    leaf = certificate(authority, "s3.amazonaws.com", now)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(found) == [x509.DNSName("s3.amazonaws.com")]
    assert leaf.not_valid_before_utc == datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    assert leaf.not_valid_after_utc == datetime.fromtimestamp(now, UTC) + timedelta(days=1)
    assert leaf.serial_number != certificate(authority, "s3.amazonaws.com", now).serial_number
    for address in ("198.18.0.1", "::1"):
        value = (
            certificate(authority, address, now)
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
        assert [str(n.value) for n in value] == [address]


def test_the_authority_signs_leaves_and_no_other_authorities(authority: Any) -> None:
    own = x509.load_pem_x509_certificate(authority.pem)
    limits = own.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    assert b"PRIVATE" not in authority.pem
    assert Authority.create(time.time()).pem != authority.pem


def test_contexts_are_kept_by_name_renewed_with_time_and_bounded() -> None:
    authority = Authority.create(0.0)
    first = authority.context("a.example", 0.0)
    assert authority.context("a.example", 3600.0) is first
    assert authority.context("b.example", 0.0) is not first
    assert authority.context("a.example", 13 * 3600.0) is not first
    again = authority.context("a.example", 13 * 3600.0)
    for n in range(KEPT):
        authority.context(f"{n}.example", 13 * 3600.0)
    assert authority.context("a.example", 13 * 3600.0) is not again


def test_a_name_of_full_length_gets_a_certificate(authority: Any) -> None:
    long = ".".join(["a" * 60] * 4)
    value = (
        certificate(authority, long, time.time())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert list(value) == [x509.DNSName(long)]
