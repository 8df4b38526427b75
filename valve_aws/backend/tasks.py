"""What a task of a state machine says and is answered: in the States Language's words, and in botocore's.

Knows the names of services and members either way (Step Functions developer guide, "AWS SDK service
integrations": those of AWS's SDK for Java, in PascalCase). Does not know what a task is for.
"""

from __future__ import annotations

import datetime
import json
import re
from functools import cache
from typing import Any

JAVA = dict(
    pair.split(":")
    for pair in """
    applicationdiscoveryservice:discovery cloudwatchlogs:logs cognitoidentityprovider:cognito-idp
    configservice:config config:config costandusagereport:cur costexplorer:ce databasemigration:dms
    directory:ds elasticmapreduce:emr elasticloadbalancing:elb elasticloadbalancingv2:elbv2
    elasticsearch:es eventbridge:events
    iotdataplane:iot-data iotjobsdataplane:iot-jobs-data lexmodelbuilding:lex-models lexruntime:lex-runtime
    lexmodelsv2:lexv2-models lexruntimev2:lexv2-runtime marketplacemetering:meteringmarketplace
    migrationhub:mgh serverlessapplicationrepository:serverlessrepo sfn:stepfunctions
    states:stepfunctions
    """.split()
)
"""Services whose name in a task's ARN is another than botocore's, with or without its hyphens."""

ACRONYM = re.compile(r"([A-Z])([A-Z]+)(?=[A-Z][a-z])")
"""`DB` of `DBInstances`, which is `DbInstances`; of `ETag` and `CRC32` nothing."""


@cache
def _bare() -> dict[str, str]:
    import boto3

    return {name.replace("-", ""): name for name in boto3.Session().get_available_services()}


@cache
def _model(name: str) -> Any:
    """Return botocore's model of a service, by way of a client that is never used; None for none."""
    import boto3

    if name not in _bare().values():
        return None
    nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
    return boto3.client(name, region_name="us-east-1", **nobody).meta.service_model


def service(told: str) -> str:
    """Return botocore's name of a service that a task's ARN names (`aws-sdk:cloudwatchlogs:…`)."""
    name = told.lower()
    return JAVA.get(name) or _bare().get(name.replace("-", ""), told)


@cache
def _operations(name: str) -> dict[str, Any]:
    found = _model(name)
    return {each.lower(): found.operation_model(each) for each in found.operation_names} if found else {}


def operation(name: str, told: str) -> Any:
    """Return botocore's model of an operation that a task's ARN names (`putItem`, `put_item`); None where
    there is none: that is told by whoever is asked for it."""
    return _operations(name).get(told.replace("_", "").lower())


def errors(told: str) -> str:
    """Return what the errors of a service begin with (`S3.NoSuchKeyException`), by its name in an ARN."""
    found = _model(service(told))
    if found is None:
        return told
    words = (word[0].upper() + word[1:] for word in found.metadata["serviceId"].replace("-", " ").split())
    return re.sub(
        r"(?<=[A-Z])[A-Z]+(?=\d*$)", lambda m: m[0].lower(), ACRONYM.sub(_lowered, "".join(words))
    )


def asked(shape: Any, told: Any) -> Any:
    """Return what a task says as botocore takes it: members by their own names; JSON where a service takes
    text or bytes, as Step Functions writes it (a text that is to be bytes stands in quotes)."""
    match shape.type_name, told:
        case "structure", dict():
            names = {name.lower(): name for name in shape.members}
            known = {key: names.get(key.lower(), "") for key in told}
            return {
                known[key] or key: asked(shape.members[known[key]], value) if known[key] else value
                for key, value in told.items()
            }
        case "list", list():
            return [asked(shape.member, each) for each in told]
        case "map", dict():
            return {key: asked(shape.value, each) for key, each in told.items()}
        case ("string", bool() | int() | float() | dict() | list()) | (
            "blob",
            str() | bool() | int() | float() | dict() | list(),
        ):
            text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
            return text if shape.type_name == "string" else text.encode()
        case _:
            return told


def answered(shape: Any, told: Any) -> Any:
    """Return what botocore was answered as a task is: members in PascalCase, times and a stream's content as
    text."""
    match shape.type_name, told:
        case "structure", dict():
            return {
                pascal(key) if key in shape.members else key: (
                    answered(shape.members[key], value) if key in shape.members else value
                )
                for key, value in told.items()
            }
        case "list", list():
            return [answered(shape.member, each) for each in told]
        case "map", dict():
            return {key: answered(shape.value, each) for key, each in told.items()}
        case "timestamp", datetime.datetime():
            return moment(told)
        case "blob", _ if hasattr(told, "read"):
            return told.read().decode("utf-8", "replace")
        case _:
            return told


def pascal(member: str) -> str:
    """Return a member's name as the States Language has it."""
    return ACRONYM.sub(_lowered, member[:1].upper() + member[1:])


def moment(told: datetime.datetime) -> str:
    """Return a time as Step Functions writes it (developer guide, "Context object")."""
    return told.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lowered(m: re.Match[str]) -> str:
    return m[1] + m[2].lower()
