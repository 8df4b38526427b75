"""The run's certificate authority, laid where clients look."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from valve_aws.environments.files import bundles
from valve_aws.environments.trust import BUNDLES, JAVA, PLACES, java_files, subject_hash, system_files


def certificate(*attributes: tuple[x509.ObjectIdentifier, str]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])
    start = datetime(2026, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("told", "attributes"),
    [
        ("4f524a4b", [(NameOID.COMMON_NAME, "valve")]),
        ("c04fe6c9", [(NameOID.COMMON_NAME, "  The   VALVE of this run ")]),
        (
            "5596ab29",
            [
                (NameOID.COUNTRY_NAME, "PL"),
                (NameOID.ORGANIZATION_NAME, "Zażółć Gęślą"),
                (NameOID.COMMON_NAME, "Ünï"),
            ],
        ),
        (
            "d0dbe6e9",
            [
                (NameOID.COMMON_NAME, "x" * 60),
                (NameOID.ORGANIZATION_NAME, "y" * 60),
                (NameOID.LOCALITY_NAME, "z" * 60),
            ],
        ),
    ],
)
def test_the_name_is_the_one_by_which_openssl_finds_a_certificate(
    told: str, attributes: list[tuple[x509.ObjectIdentifier, str]]
) -> None:
    # What `openssl x509 -noout -subject_hash` said.
    assert subject_hash(certificate(*attributes)) == told


def test_all_places_of_the_system_hold_the_authority() -> None:
    pem = certificate((NameOID.COMMON_NAME, "valve"))
    files = system_files(pem)
    assert set(files) == {*PLACES, f"/etc/ssl/certs/{subject_hash(pem)}.0"}
    assert set(files.values()) == {pem}


def test_the_store_of_java_is_one_that_java_reads(tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    if not keytool:
        pytest.skip("there is no Java on this host")
    pem = certificate((NameOID.COMMON_NAME, "valve"))
    files = java_files(pem)
    assert set(files) == set(JAVA)
    (tmp_path / "cacerts").write_bytes(files[JAVA[0]])
    read = [keytool, "-exportcert", "-rfc", "-alias", "valve", "-keystore", tmp_path / "cacerts"]
    told = subprocess.run([*read, "-storepass", "changeit"], capture_output=True, check=True).stdout
    assert told.split() == pem.split()


def test_what_is_no_certificate_is_told() -> None:
    with pytest.raises(ValueError, match="PEM"):
        subject_hash(b"-----BEGIN NOTHING-----")


def test_bundles_are_found_where_packages_are_and_links_are_left_alone(tmp_path: Path) -> None:
    for there in ("certifi", "python/lib/python3.11/site-packages/certifi", "python/botocore"):
        (tmp_path / there).mkdir(parents=True)
        (tmp_path / there / "cacert.pem").write_text("bundle")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "cacert.pem").write_text("mine")
    inner = tmp_path / "vendor"
    inner.mkdir()
    (inner / "certifi").symlink_to(outside)
    (tmp_path / "vendor" / "requests").mkdir()
    (tmp_path / "vendor" / "requests" / "cacert.pem").symlink_to(outside / "cacert.pem")
    assert bundles(tmp_path, BUNDLES) == [
        "certifi/cacert.pem",
        "python/botocore/cacert.pem",
        "python/lib/python3.11/site-packages/certifi/cacert.pem",
    ]
