"""The certificate authority of one run, and the TLS contexts it signs for.

Knows X.509. Does not know sockets; its key is in this process's memory and nowhere else.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from valve_aws.proxy.files import in_memory

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

BEFORE = timedelta(hours=1)
LEAF_DAYS = timedelta(days=1)
RUN_DAYS = timedelta(days=90)
RENEW = 12 * 3600.0
"""Seconds after which a leaf is minted again, so that a valve that stays up never shows an expired one."""
KEPT = 256
"""TLS contexts kept, about 40 KB each."""


class Authority:
    """Mints a leaf for each name that is asked for. Nothing that it signed is worth anything outside of
    this run."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, leaf_key: ec.EllipticCurvePrivateKey,
                 certificate: x509.Certificate) -> None:
        from cryptography.hazmat.primitives import serialization as s

        self._key = key
        self._leaf_key = leaf_key
        self._certificate = certificate
        self._leaf_pem = leaf_key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        self._serial = 1
        self._contexts: OrderedDict[str, tuple[float, ssl.SSLContext]] = OrderedDict()
        self.pem: bytes = certificate.public_bytes(s.Encoding.PEM)
        """The CA's certificate, PEM: what is laid over the bundles inside the sandbox."""

    def secret(self) -> tuple[bytes, bytes]:
        """Return (the CA key's number, 32 bytes; the line of its PEM that has most of it): what must never
        be seen inside, nor come out."""
        from cryptography.hazmat.primitives import serialization as s

        pem = self._key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        return self._key.private_numbers().private_value.to_bytes(32, "big"), pem.splitlines()[2]

    @classmethod
    def create(cls, now: float) -> Authority:
        """Make the authority of a run that starts at `now` (seconds since the epoch). About 1 ms after the
        import."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        ident = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        name = x509.Name([
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "valve-aws"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"valve-aws, one run, {ident.digest.hex()[:8]}"),
        ])
        start = datetime.fromtimestamp(now, UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(start - BEFORE).not_valid_after(start + RUN_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(of_authority=True), critical=True).add_extension(ident, critical=False)
            .sign(key, hashes.SHA256()))
        return cls(key, ec.generate_private_key(ec.SECP256R1()), certificate)

    def context(self, name: str, now: float) -> ssl.SSLContext:
        """Return the TLS context that shows a certificate for `name` (a host name or an IP address); about
        1 ms, cached."""
        kept = self._contexts.get(name)
        if kept and now - kept[0] < RENEW:
            self._contexts.move_to_end(name)
            return kept[1]
        context = self._mint(name, now)
        self._contexts[name] = (now, context)
        self._contexts.move_to_end(name)
        if len(self._contexts) > KEPT:
            self._contexts.popitem(last=False)
        return context

    def _mint(self, name: str, now: float) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.num_tickets = 0
        context.set_alpn_protocols(["http/1.1"])
        with in_memory(self._leaf_pem + self.leaf(name, now)) as path:
            context.load_cert_chain(path)
        return context

    def leaf(self, name: str, now: float) -> bytes:
        """Return a server certificate for exactly this name or address, PEM, valid from an hour ago for a
        day."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509.oid import ExtendedKeyUsageOID

        self._serial += 1
        start = datetime.fromtimestamp(now, UTC)
        try:
            subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            subject = x509.DNSName(name)
        # Why: X.520 bounds a common name to 64 characters; every client reads the alternative name anyway.
        common = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if len(name) <= 64 else []
        ours = x509.SubjectKeyIdentifier.from_public_key(self._leaf_key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            x509.CertificateBuilder().subject_name(x509.Name(common)).issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key()).serial_number(self._serial)
            .not_valid_before(start - BEFORE).not_valid_after(start + LEAF_DAYS)
            .add_extension(x509.SubjectAlternativeName([subject]), critical=not common)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(of_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(ours, critical=False).add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256()))
        return certificate.public_bytes(serialization.Encoding.PEM)


def key_usage(of_authority: bool) -> x509.KeyUsage:
    """Return what a key is for: signing certificates, or a server's handshakes (RFC 5280 §4.2.1.3)."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not of_authority, key_cert_sign=of_authority, crl_sign=of_authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False)
