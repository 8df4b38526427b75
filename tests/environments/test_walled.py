"""The same functions behind the real walls: what shows inside, memory, freezing, trust."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.environments.conftest import COUNTS
from valve_aws.model.invocation import Done, Kind
from valve_aws.model.stack import Code, Layer
from valve_aws.sandbox import SandboxError, spawn

if TYPE_CHECKING:
    from tests.environments.conftest import World
    from valve_aws.environments.environment import Environment

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def walled(world: World) -> World:
    world.how = spawn
    return world


def run(environment: Environment, events: int = 1, pause: float = 0.0) -> list[Done]:
    async def life() -> list[Done]:
        try:
            await environment.start()
        except SandboxError as error:
            pytest.skip(f"this host has no sandbox: {error}")
        try:
            done = []
            for n in range(events):
                done.append(await environment.invoke(f"id-{n}", b"{}"))
                await asyncio.sleep(pause)
            return done
        finally:
            await environment.close()

    return asyncio.run(life())


def answer(environment: Environment) -> Any:
    (done,) = run(environment)
    assert done.kind is Kind.RESPONSE, done
    return json.loads(done.payload)


def test_a_function_finds_lambdas_folders_and_nothing_of_the_hosts_packages(walled: World) -> None:
    source = """
import os, sys
def handler(event, context):
    site = f"{sys.prefix}/lib/python%d.%d/site-packages" % sys.version_info[:2]
    return {"path": sys.path, "cwd": os.getcwd(), "task": os.listdir("/var/task"), "file": __file__,
            "runtime": sorted(n for n in os.listdir("/var/runtime") if n.endswith(".py")),
            "site": os.listdir(site) if sys.prefix != "/usr" else [], "argv": sys.argv}
"""
    told = answer(walled.environment(source))
    assert told["cwd"] == "/var/task"
    assert told["file"] == "/var/task/app.py"
    assert told["task"] == ["app.py"]
    assert told["path"][:2] == ["/var/task", "/var/runtime"]
    assert {"bootstrap.py", "_valve_evidence.py"} <= set(told["runtime"])
    assert told["site"] == []
    assert told["argv"] == ["/var/runtime/bootstrap.py"]


def test_boto3_is_there_as_on_lambda(walled: World) -> None:
    source = "import boto3\ndef handler(event, context): return boto3.__file__"
    assert answer(walled.environment(source, memory=256)) == "/var/runtime/boto3/__init__.py"


def test_code_in_the_template_runs(walled: World) -> None:
    code = Code(inline="def handler(event, context): return __file__")
    assert answer(walled.environment("", code=code, handler="index.handler")) == "/var/task/index.py"


def test_code_in_the_template_finds_what_answers_cloudformation(walled: World) -> None:
    code = Code(inline="import cfnresponse\ndef handler(event, context): return cfnresponse.__file__")
    found = answer(walled.environment("", code=code, handler="index.handler"))
    assert found == "/var/task/cfnresponse.py"


def test_more_memory_than_the_function_has_ends_it_in_lambdas_words(walled: World) -> None:
    source = """
import mmap
def handler(event, context):
    held = mmap.mmap(-1, 400 << 20)
    for at in range(0, len(held), 4096):
        held[at] = 1
"""
    (done,) = run(walled.environment(source, memory=128))
    assert (done.kind, json.loads(done.payload)) == (
        Kind.MEMORY,
        {
            "errorType": "Runtime.OutOfMemory",
            "errorMessage": "RequestId: id-0 Error: Runtime exited with error: signal: killed",
        },
    )
    assert "Status: error\tError Type: Runtime.OutOfMemory" in walled.text("platform")


def test_nothing_runs_between_events_behind_walls_either(walled: World) -> None:
    _, second = run(walled.environment(COUNTS), events=2, pause=0.3)
    assert float(second.payload) > 0.29


def test_an_exec_wrapper_runs_around_the_runtime(walled: World, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "wrap").write_text('#!/bin/sh\nexport WRAPPED="$#"\nexec "$@"\n')
    (layer / "wrap").chmod(0o755)
    told = answer(
        walled.environment(
            "import os\ndef handler(event, context): return os.environ['WRAPPED']",
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"},
            layers=(Layer("wrapper", Code(folder=layer)),),
        )
    )
    assert told == "3"


def test_a_layer_is_found_where_lambda_finds_it(walled: World, tmp_path: Path) -> None:
    site = tmp_path / "layer" / "python" / "lib" / f"python{VERSION}" / "site-packages"
    site.mkdir(parents=True)
    (site / "deep.py").write_text("word = 'deep'")
    (tmp_path / "layer" / "python" / "flat.py").write_text("word = 'flat'")
    source = "import deep, flat\ndef handler(event, context): return [deep.word, flat.word]"
    layers = (Layer("words", Code(folder=tmp_path / "layer")),)
    assert answer(walled.environment(source, layers=layers)) == ["deep", "flat"]


def usage(authority: bool) -> x509.KeyUsage:
    """Strict clients (Python from 3.13 on) want it to say what the certificate is for."""
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        **dict.fromkeys(others, False),
        encipher_only=False,
        decipher_only=False,
    )


def issue(name: str, by: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> tuple[bytes, bytes, Any]:
    """Return (certificate, key) in PEM and what signs others with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = by or (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(usage(by is None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private, (subject, key)


def test_clients_of_every_kind_trust_the_runs_authority_and_no_other(walled: World) -> None:
    """Handshakes in memory, in the function's process: as urllib trusts, by folder, by botocore's bundle."""
    authority, _, signer = issue("the valve of this run", None)
    leaf, key, _ = issue("s3.amazonaws.com", signer)
    walled.authority = authority
    (walled.folder / "leaf.pem").write_bytes(leaf + key)
    source = """
import ssl, botocore
def shake(client):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain("leaf.pem")
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(one, two, server_hostname="s3.amazonaws.com"),
            server.wrap_bio(two, one, server_side=True)]
    for _ in range(6):
        for end in ends:
            try: end.do_handshake()
            except ssl.SSLWantReadError: pass
    return ends[0].version() == "TLSv1.3" and bool(ends[0].getpeercert())
def handler(event, context):
    by_folder = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    by_folder.load_verify_locations(capath="/etc/ssl/certs")
    bundle = botocore.__file__.replace("__init__.py", "cacert.pem")
    known = ssl.create_default_context(cafile=bundle).get_ca_certs()
    by_bundle = ssl.create_default_context(cafile=bundle)
    return [shake(ssl.create_default_context()), shake(by_folder), shake(by_bundle), len(known)]
"""
    assert answer(walled.environment(source, memory=256)) == [True, True, True, 1]
