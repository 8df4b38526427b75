"""What every attack and every twin works with: one way of delivery, the trial's items, names and keys.

Knows how a call is made by each way. Does not know what is attacked.
"""

import html
import http.client
import json
import os
import re
import socket
import ssl
import sys
import urllib.parse
from typing import NamedTuple

import letters

FOREIGN = letters.Keys("AKIAATTACKERATTACKER", "theirs", None)
"""The attacker's own credential."""

CREDENTIAL = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
LIMIT = 10
"""Seconds that a connection may take."""


class Answer(NamedTuple):
    """What came back: the HTTP status (0: nothing did), and what it says."""

    status: int
    told: dict

    def field(self, name):
        """One text of it by its name, wherever it stands; "" when it is not there."""
        found = re.search(f"<{name}>(.*?)</{name}>", self.told.get("raw", ""))
        return html.unescape(found[1]) if found else _within(self.told, name)


class Hands:
    """The hands of one trial."""

    def __init__(self, event):
        self.trial, self.way = event["trial"], event["way"]
        self.event = event
        self.account, self.region = event["account"], os.environ["AWS_REGION"]
        self.name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.statuses = []
        self._clients = {}

    # What is read

    def secret(self):
        """Read this trial's item of the vault: the environment is labelled by it."""
        return self._item("vault")

    def plain(self):
        """Read this trial's item of the shelf: nothing is learned that has a label."""
        return self._item("shelf")

    def _item(self, table):
        got = self.call("dynamodb", "GetItem", TableName=table, Key={"id": {"S": self.trial}})
        return got.told["Item"]["text"]["S"]

    # Names

    def arn(self, service, name, account=""):
        """An ARN of this region; of this account unless another is given."""
        return f"arn:aws:{service}:{self.region}:{account or self.account}:{name}"

    def queue(self, name, account=""):
        """A queue's URL."""
        return f"https://sqs.{self.region}.amazonaws.com/{account or self.account}/{name}"

    # Calls

    def call(self, service, operation, keys=None, host="", **params):
        """Make one AWS call as this way does, with the environment's own keys unless others are given, and to
        the genuine host unless another is."""
        answer = DELIVERIES[self.way](self, service, operation, keys, host, params)
        self.statuses.append((f"{service}:{operation}", answer.status))
        return answer

    def http(self, method, url, body=b"", headers=None):
        """Make one request to another host."""
        parts = urllib.parse.urlsplit(url)
        try:
            told = (onto_socket if self.way == "socket" else opened)(method, url, body, headers or {})
        except OSError as error:
            told = 0, repr(error).encode()
        self.statuses.append((f"{method} {parts.netloc}", told[0]))
        return Answer(told[0], {"raw": told[1].decode("utf-8", "replace")})

    def dial(self, host, port, line):
        """Say something to a port that speaks no HTTP; what it answers, "" when nothing does."""
        try:
            with socket.create_connection((host, port), timeout=LIMIT) as plain:
                plain.sendall(line)
                return plain.recv(64).decode()
        except OSError:
            return ""

    def client(self, service, keys=None, **more):
        """A boto3 client of this way's SDK."""
        name = (service, keys, repr(sorted(more.items())))
        if name not in self._clients:
            given = dict(zip(CREDENTIAL, keys, strict=True)) if keys else {}
            self._clients[name] = sdk(self.way).client(service, **{**given, **more})
        return self._clients[name]


# How a call is delivered


def by_sdk(hands, service, operation, keys, host, params):
    """By a boto3."""
    client = hands.client(service, keys, **({"endpoint_url": f"https://{host}"} if host else {}))
    names = {operation: name for name, operation in client.meta.method_to_api_mapping.items()}
    try:
        told = getattr(client, names[operation])(**params)
    except Exception as error:  # a client of another boto3 has its own ClientError
        response = getattr(error, "response", None)
        if response is None:
            return Answer(0, {"error": repr(error)})
        return Answer(response["ResponseMetadata"]["HTTPStatusCode"], response)
    return Answer(told["ResponseMetadata"]["HTTPStatusCode"], told)


def by_hand(hands, service, operation, keys, host, params):
    """Signed by hand, sent with the standard library."""
    letter = letters.letter(service, operation, params, host)
    return _read(by_library(letter, letters.signed(letter, keys or letters.own_keys())))


def by_socket(hands, service, operation, keys, host, params):
    """Signed by hand, written by hand onto a socket."""
    letter = letters.letter(service, operation, params, host)
    headers = letters.signed(letter, keys or letters.own_keys())
    return _read(raw(letter.method, letter.host, 443, letter.target, headers, letter.body))


DELIVERIES = {
    "sdk": by_sdk,
    "thread": by_sdk,
    "later": by_sdk,
    "aged": by_sdk,
    "signed": by_hand,
    "child": by_hand,
    "socket": by_socket,
}
"""Way → how it delivers; `stage` knows where it runs."""


def _within(told, name):
    if isinstance(told, dict):
        inner = [told[name]] if name in told else [_within(value, name) for value in told.values()]
        return next((value for value in inner if isinstance(value, str) and value), "")
    return ""


def _read(told):
    status, body = told
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return Answer(status, found if isinstance(found, dict) else {"raw": body.decode("utf-8", "replace")})


def by_library(letter, headers):
    """Send with `http.client`; status and body."""
    connection = http.client.HTTPSConnection(letter.host, timeout=LIMIT)
    try:
        connection.request(letter.method, letter.target, letter.body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def opened(method, url, body, headers):
    """Send with `urllib`; status and body."""
    import urllib.error
    import urllib.request

    asked = urllib.request.Request(url, body or None, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def onto_socket(method, url, body, headers):
    """Write the request of a URL onto a socket; status and body."""
    parts = urllib.parse.urlsplit(url)
    tls = parts.scheme == "https"
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    told = {"host": parts.netloc, **headers}
    return raw(method, parts.hostname, parts.port or (443 if tls else 80), path, told, body, tls)


def raw(method, host, port, path, headers, body, tls=True):
    """Write a request onto a socket; status and body of the answer, 0 when there is none."""
    told = {"content-length": str(len(body)), **headers, "connection": "close"}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    stream = socket.create_connection((host, port), timeout=LIMIT)
    if tls:
        bundle = ssl.get_default_verify_paths().openssl_cafile
        stream = ssl.create_default_context(cafile=bundle).wrap_socket(stream, server_hostname=host)
    with stream:
        stream.sendall("\r\n".join(lines).encode() + body)
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), content


def sdk(way):
    """The boto3 of a way; that of 2019 lies in a folder of its own."""
    if way == "aged" and "boto3" not in sys.modules:
        sys.path.insert(0, "/var/task/aged")
        import carried_over

        sys.path.insert(0, "/var/task/aged/sdk")
        carried_over.prepare()
    import boto3

    return boto3
