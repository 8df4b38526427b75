"""Behind the walls botocore's connections to AWS go to the valve without TLS; all others go as they are told.

Knows clients that are told various things. Does not know how a connection is made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.attacks.residue import Send, played
from valve_aws.valve import Valve

SHIMS = Path(__file__).parents[2] / "shims" / "python"

TLS, NONE = "SSLSocket", "socket"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CLIENTS: dict[str, tuple[str, str]] = {
    "as it is": ("", NONE),
    "dual stack": ("config=Config(s3={'use_dualstack_endpoint': True})", NONE),
    "an address of AWS by name": ("endpoint_url='https://s3.us-east-1.amazonaws.com'", NONE),
    "http": ("use_ssl=False", NONE),
    "unverified": ("verify=False", TLS),
    "another bundle": (f"verify={BUNDLE!r}", TLS),
    "a certificate of its own": ("config=Config(client_cert='/tmp/own.pem')", TLS),
    "by a proxy of such a name": ("config=Config(proxies={'https': 'http://a.amazonaws.com:443'})", TLS),
    "by a proxy": ("config=Config(proxies={'https': 'http://192.0.2.1:3128'})", TLS),
    "who is not AWS": ("endpoint_url='https://elsewhere.example'", TLS),
    "another port": ("endpoint_url='https://s3.us-east-1.amazonaws.com:8443'", TLS),
}
"""What a client is told → how it goes."""

LOOK = """
import boto3, warnings
from botocore.config import Config
from botocore.exceptions import ClientError
open("/tmp/own.pem", "w").write(event["own"])
for name, told_client in {clients!r}.items():
    client = eval(f"boto3.client('s3', region_name='us-east-1', {{told_client}})")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            answer = client.list_buckets()
        except ClientError as error:
            answer = error.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    warned = any("Unverified" in str(each.message) for each in warned)
    session = client._endpoint.http_session
    managers = [session._manager, *session._proxy_managers.values()]
    pools = [manager.pools[key] for manager in managers for key in manager.pools.keys()]
    last = [pool.pool.queue[-1] for pool in pools]
    told[name] = [status, warned, *(type(connection.sock).__name__ for connection in last if connection)]
"""


def own() -> str:
    """Return a key and a certificate that it has signed itself, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, since = x509.Name([]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(since).not_valid_after(since + timedelta(days=1))
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (plain + made.sign(key, hashes.SHA256()).public_bytes(pem)).decode()


Lives = tuple[dict[str, dict[str, Any]], list[str]]
"""What functions saw, by how they were started, and which operations were recorded."""


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Lives:
    """Have four events of one function, each in an environment of its own; the last one is forked."""
    clients = {name: told for name, (told, _) in CLIENTS.items()}
    code = LOOK.format(clients=clients)

    async def life(send: Send, valve: Valve) -> Any:
        seen = []
        for number in range(4):
            seen.append(await send(f"u{number}", code=code, own=own()))
            await valve._housing._nursery.grown()
        assert valve._housing._nursery._zygotes._grown, "a zygote was to be there for the last one"
        return {"cold": seen[0], "forked": seen[-1]}, [record.operation for record in valve.records]

    template = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shared:
    Type: AWS::Serverless::Function
    Properties:
      {Runtime: python3.11, Handler: app.handler, CodeUri: src, Timeout: 60, MemorySize: 512,
       Policies: [AmazonS3FullAccess], Events: {Api: {Type: Api, Properties: {Path: /, Method: post}}}}
"""
    found: Lives = played(tmp_path_factory.mktemp("lives"), life, "never", {"template.yaml": template})
    return found


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("start", ["cold", "forked"])
def test_a_connection_goes_without_tls_where_nothing_else_was_asked_for(
    start: str, client: str, lives: Lives
) -> None:
    status = 403 if client == "who is not AWS" else 200
    assert lives[0][start][client] == [status, client == "unverified", CLIENTS[client][1]]


def test_each_call_is_read_whichever_way_it_came(lives: Lives) -> None:
    assert lives[1].count("ListBuckets") == 4 * (len(CLIENTS) - 1)


def test_outside_the_walls_nothing_is_spared() -> None:
    """There it is not the valve that would answer."""
    source = (
        f"import sys, json; sys.path.insert(0, {str(SHIMS)!r})\n"
        "import _valve_evidence; _valve_evidence.install('/var/task')\n"
        "import botocore.awsrequest as there\n"
        "print(json.dumps(there.AWSHTTPSConnection.connect.__module__))"
    )
    run = subprocess.run(
        [sys.executable, "-c", source], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    assert json.loads(run.stdout) == "urllib3.connection"
