"""Every operation of the covered services: what botocore sends is read back, and what is written anew reads
the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from tests.wire.sdk import ACCOUNT, KEY, REGION, Maker, client, plain, request_of
from valve_aws.aws import Aws, AwsCall, Endpoint, Length, Outgoing, Payload
from valve_aws.model.call import Head, Origin, Unreadable

SERVICES = (
    "s3",
    "sqs",
    "dynamodb",
    "dynamodbstreams",
    "sns",
    "lambda",
    "sts",
    "secretsmanager",
    "ssm",
    "events",
    "kinesis",
    "firehose",
    "stepfunctions",
    "logs",
    "cloudwatch",
    "kms",
    "ses",
    "sesv2",
)

VARIANTS: dict[str, dict[str, Any]] = {
    "genuine": {},
    "custom address": {"endpoint": "http://127.0.0.1:4566"},
    "custom name": {"endpoint": "http://localhost:4566"},
    "dual stack": {"use_dualstack_endpoint": True},
    "fips": {"use_fips_endpoint": True},
    "account": {"account_based": True},
    "path style": {"s3": {"addressing_style": "path"}},
    "virtual host": {"s3": {"addressing_style": "virtual"}},
    "path dual stack": {"s3": {"addressing_style": "path", "use_dualstack_endpoint": True}},
    "unsigned payload": {"s3": {"payload_signing_enabled": True}},
}

CASES = [(s, v) for s in SERVICES for v in ("genuine", "custom address")]
CASES += [
    ("s3", v)
    for v in (
        "custom name",
        "dual stack",
        "fips",
        "path style",
        "virtual host",
        "path dual stack",
        "unsigned payload",
    )
]
CASES += [(s, "account") for s in ("dynamodb", "dynamodbstreams")]
CASES += [(s, "dual stack") for s in ("sqs", "dynamodb", "sns", "lambda")]

ADDED = frozenset({"ChecksumAlgorithm", "ChecksumCRC32", "ChecksumMode", "EncodingType"})
"""Parameters that botocore adds by itself."""

NOT_MADE = {
    "MissingDependencyException": "botocore needs awscrt for it",
    "EndpointResolutionError": "botocore's rules want an ARN",
    "ParamValidationError": "botocore refuses the generated text",
    "UnsupportedS3ConfigurationError": "not on this host",
    "UnsupportedS3AccesspointConfigurationError": "not on this host",
}


def excluded(variant: str) -> dict[tuple[str, str], str]:
    """Return (operation, which parameters) → the line that excuses it on a variant of the endpoint."""
    out = {}
    for line in Path(__file__).with_name("exclusions.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, whiches, where, _ = line.split(maxsplit=3)
            if where == "everywhere" or where == "@" + variant.replace(" ", "-"):
                out.update({(name, which): line for which in whiches.split("+")})
    return out


def reader() -> Aws:
    """Return a wire without effect rows: here only the spelling counts."""
    return Aws(ACCOUNT, REGION, lambda table: None, judge=lambda *_: None)


AWS = reader()


def meant(params: dict[str, Any], call: AwsCall, body: Any) -> dict[str, Any]:
    """Return what was meant, as reading is to give it back."""
    out = {k: v for k, v in params.items() if v != {}}
    if call.service == "s3":
        if isinstance(out.get("Expires"), datetime):
            out["Expires"] = format_datetime(out["Expires"], usegmt=True)
        if call.stream is not None:
            out.pop("Body", None)
            out.pop("AnnotationPayload", None)
    return {k: v for k, v in plain(out).items() if k not in ADDED}


def got(call: AwsCall) -> dict[str, Any]:
    """Return what was read, without what botocore added."""
    return {k: v for k, v in plain(dict(call.params)).items() if k not in ADDED and v != {}}


def fault(service: str, operation: str, params: dict[str, Any], head: Head, body: bytes) -> str:
    """Return what is wrong with the reading of one request, "" when nothing is."""
    call = AWS.read(head, body, KEY)
    if isinstance(call, Unreadable):
        return f"unreadable: {call.problem}"
    if (call.service, call.operation) != (service, operation):
        return f"read as {call.service}:{call.operation}"
    if got(call) != meant(params, call, body):
        return f"read {got(call)} where {meant(params, call, body)} was meant"
    content = params.get("Body", params.get("AnnotationPayload", b"")) if call.stream else b""
    again, passed = rewritten(call, body)
    if passed != content:
        return f"its content went on as {passed!r}"
    if again != replace(call, foreign="", access_key=KEY.access_key):
        return f"written anew it reads as {again}, not as {call}"
    return ""


def attempted(made: Any, operation: str, params: dict[str, Any]) -> tuple[Head, bytes] | None:
    """Return what botocore sends, None when it refuses the generated parameters itself."""
    try:
        return request_of(made, operation, dict(params))
    except Exception as refused:
        if type(refused).__name__ in NOT_MADE:
            return None
        raise


def rewritten(call: AwsCall, body: bytes) -> tuple[AwsCall | Unreadable, bytes]:
    """Return the reading of what is written anew, and its streamed content; signed with our own key, so that
    the signature is checked too."""
    endpoint, decoder = Endpoint("http", "127.0.0.1", 80), AWS.payload(call)
    if decoder is None:
        sent = AWS.write(call, endpoint, KEY, datetime.now(UTC))
        return AWS.read(head_of(sent), sent.body, KEY), b""
    sent = AWS.write(call, endpoint, KEY, datetime.now(UTC), Length(decoder.length))
    wire = decoder.feed(body) + decoder.finish()
    again = AWS.read(head_of(sent), None, KEY)
    second = Payload(again.stream, anew=False) if isinstance(again, AwsCall) and again.stream else None
    if second is None or dict(sent.headers)["content-length"] != str(len(wire)):
        return again, b"not as long as announced"
    return again, second.feed(wire) + second.finish()


def head_of(sent: Outgoing) -> Head:
    """Return an outgoing request as one that comes in."""
    host = dict(sent.headers)["host"]
    return Head(
        sent.method, sent.path, sent.headers, host.rsplit(":", 1)[0], Origin("env", "http", "127.0.0.1", 80)
    )


@pytest.mark.parametrize(("service", "variant"), CASES)
def test_what_botocore_sends_is_read_back_and_written_anew_reads_the_same(service: str, variant: str) -> None:
    made = client(service, **VARIANTS[variant])
    excuses, faults, done = excluded(variant), [], 0
    for operation in made.meta.service_model.operation_names:
        model = made.meta.service_model.operation_model(operation)
        for which in ("full", "required"):
            params = Maker(f"{service}{operation}{variant}", which == "full").params(model)
            sent = attempted(made, operation, params)
            if sent is None:
                continue
            head, body = sent
            wrong = fault(service, operation, params, head, body)
            done += 1
            if wrong and (f"{service}:{operation}", which) not in excuses:
                faults.append(f"{operation} ({which}): {wrong[:600]}")
    assert not faults, "\n".join(faults)
    assert done > 0


@pytest.mark.parametrize("variant", ["genuine", "custom address", "custom name"])
def test_every_exclusion_is_still_needed(variant: str) -> None:
    unneeded = []
    for (name, which), line in excluded(variant).items():
        service, operation = name.split(":")
        made = client(service, **VARIANTS[variant])
        model = made.meta.service_model.operation_model(operation)
        params = Maker(f"{service}{operation}{variant}", which == "full").params(model)
        try:
            head, body = request_of(made, operation, dict(params))
        except botocore.exceptions.ParamValidationError:
            continue
        if not fault(service, operation, params, head, body):
            unneeded.append(line)
    assert not unneeded


def test_other_services_are_read_generically() -> None:
    faults = []
    for service in (
        "ec2",
        "route53",
        "apigateway",
        "rds",
        "elbv2",
        "iam",
        "cloudformation",
        "glue",
    ):
        made = client(service)
        for operation in made.meta.service_model.operation_names[:40]:
            params = Maker(operation, True).params(made.meta.service_model.operation_model(operation))
            sent = attempted(made, operation, params)
            if sent is None:
                continue
            head, body = sent
            call = AWS.read(head, body, KEY)
            if isinstance(call, Unreadable):
                faults.append(f"{service}:{operation}: {call.problem}")
            elif (call.service, call.operation) != (service, operation):
                faults.append(f"{service}:{operation} read as {call.service}:{call.operation}")
    assert not faults, "\n".join(faults)
