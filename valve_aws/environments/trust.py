"""Where clients look for trusted certificates, so that the run's own can be laid there.

Knows file names and OpenSSL's name for a certificate. Does not make certificates.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
)
JAVA = ("/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts")
"""Where distributions have Java look."""
BUNDLES = frozenset(
    (
        "certifi/cacert.pem",
        "botocore/cacert.pem",
        "botocore/vendored/requests/cacert.pem",
        "requests/cacert.pem",
        "pip/_vendor/certifi/cacert.pem",
        "stripe/data/ca-certificates.crt",
        "httplib2/cacerts.txt",
        "grpc/_cython/_credentials/roots.pem",
        "twilio/conf/cacert.pem",
        "elastic_transport/cacert.pem",
    )
)
"""Bundles that packages bring along, by their path from the folder that the package is in."""
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")


def system_files(authority: bytes) -> Mapping[str, bytes]:
    """Return path inside → content for the places of the system; `authority` is one certificate in PEM."""
    return {**dict.fromkeys(PLACES, authority), f"/etc/ssl/certs/{subject_hash(authority)}.0": authority}


def java_files(authority: bytes) -> Mapping[str, bytes]:
    """Return the same for Java, whose places are in a form of its own. Raises ValueError."""
    return dict.fromkeys(JAVA, _store(_der(authority)))


def _store(certificate: bytes) -> bytes:
    """Write a store of one certificate as a JKS (`sun.security.provider.JavaKeyStore`): whom to trust is no
    secret, so the password is the one that Java's own places have."""

    def text(value: str) -> bytes:
        return len(value).to_bytes(2) + value.encode()

    entry = (2).to_bytes(4) + text("valve") + bytes(8) + text("X.509")
    store = bytes.fromhex("feedfeed 00000002 00000001") + entry + len(certificate).to_bytes(4) + certificate
    told = "changeit".encode("utf-16-be") + b"Mighty Aphrodite" + store
    return store + hashlib.sha1(told, usedforsecurity=False).digest()


def subject_hash(authority: bytes) -> str:
    """Return OpenSSL's hash of a certificate's subject, by which it finds it in a folder (X509_NAME_hash(3)).

    Why: Python's default context reads that folder, and on most hosts no single file. Raises ValueError.
    """
    certificate = _children(_der(authority))[0][1]
    fields = _children(_children(certificate)[0][1])
    if fields[0][0] == 0xA0:
        fields = fields[1:]  # Why: the version is there only when it is not the first (RFC 5280 §4.1).
    subject = fields[4][1]
    canonical = b"".join(
        _encode(0x31, b"".join(_attribute(pair) for _, pair in _children(one)))
        for _, one in _children(subject)
    )
    return f"{int.from_bytes(hashlib.sha1(canonical, usedforsecurity=False).digest()[:4], 'little'):08x}"


def _der(authority: bytes) -> bytes:
    match = PEM.search(authority)
    if not match:
        raise ValueError("not a certificate in PEM")
    return base64.b64decode(match[1])


def _attribute(pair: bytes) -> bytes:
    """Return one (type, value) as OpenSSL compares it: UTF-8, lower case, single blanks."""
    (kind, name), (tag, value) = _children(pair)
    encodings = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
    if tag in encodings:
        text = " ".join(value.decode(encodings[tag]).split())
        tag, value = 0x0C, "".join(c.lower() if c.isascii() else c for c in text).encode()
    return _encode(0x30, _encode(kind, name) + _encode(tag, value))


def _children(content: bytes) -> list[tuple[int, bytes]]:
    """Split DER into (tag, content) pairs (X.690 §8.1, definite lengths)."""
    found, at = [], 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(content[at : at + size]), at + size
        found.append((tag, content[at : at + length]))
        at += length
    return found


def _encode(tag: int, content: bytes) -> bytes:
    """Write one DER value."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
