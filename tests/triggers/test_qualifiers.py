"""Versions and aliases that a template has: whoever invokes a function by one gets what it means.

Knows SAM's `AutoPublishAlias` and resources of their own. Does not know versions that are made by calls.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.triggers.ground import Ground

CODE = """
import json, os
import boto3

LAMBDA = boto3.client("lambda")

def asking(event, context):
    try:
        answer = LAMBDA.invoke(FunctionName=os.environ[event["name"]] + event.get("as", ""))
        return json.load(answer["Payload"]) + [answer["ExecutedVersion"]]
    except Exception as error:
        return error.response["Error"]["Code"]

def asked(event, context):
    return [context.invoked_function_arn.split(":")[7:], context.function_version]
"""
FUNCTION = "AWS::Serverless::Function"
ASKED: dict[str, Any] = {"Handler": "app.asked"}
NAMES = ("Own", "Own.Alias", "Own.Version", "Apart", "Number", "Alias", "Moving")
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {"Function": {"CodeUri": "src", "Runtime": "python3.13", "Timeout": 30}},
    "Resources": {
        "Asking": {
            "Type": FUNCTION,
            "Properties": {
                "Handler": "app.asking",
                "Policies": ["AWSLambda_FullAccess"],
                "Environment": {"Variables": {name.replace(".", "_"): {"Ref": name} for name in NAMES}},
            },
        },
        "Own": {"Type": FUNCTION, "Properties": {**ASKED, "AutoPublishAlias": "live"}},
        "Apart": {"Type": FUNCTION, "Properties": ASKED},
        "Number": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Apart"}}},
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Apart"},
                "FunctionVersion": {"Fn::GetAtt": ["Number", "Version"]},
                "Name": "prod",
            },
        },
        "Moving": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Fn::GetAtt": ["Apart", "Arn"]},
                "FunctionVersion": "$LATEST",
                "Name": "dev",
            },
        },
    },
}
FILES = {"template.yaml": json.dumps(TEMPLATE), "src/app.py": CODE}

MEANT = {
    ("Own", ""): [[], "$LATEST", "$LATEST"],
    ("Own", ":$LATEST"): [["$LATEST"], "$LATEST", "$LATEST"],
    ("Own", ":live"): [["live"], "1", "1"],
    ("Own", ":1"): [["1"], "1", "1"],
    ("Own_Alias", ""): [["live"], "1", "1"],
    ("Own_Version", ""): [["1"], "1", "1"],
    ("Apart", ":prod"): [["prod"], "1", "1"],
    ("Number", ""): [["1"], "1", "1"],
    ("Alias", ""): [["prod"], "1", "1"],
    ("Moving", ""): [["dev"], "$LATEST", "$LATEST"],
    ("Own", ":prod"): "ResourceNotFoundException",
    ("Own", ":2"): "ResourceNotFoundException",
}
THERE = {"Asking": (), "Own": ("1", "live"), "Apart": ("1", "prod", "dev")}
"""What the Lambda API tells of them."""


@pytest.mark.parametrize("served", [False, True], ids=["alone", "beside the Lambda API"])
def test_a_function_is_invoked_by_the_qualifiers_that_its_template_has(ground: Ground, served: bool) -> None:
    if served:

        async def made() -> Any:
            return ground.valve.lambda_api()

        kept = {each.name: each for each in ground.call(made()).desk.registry.functions.values()}
        there = {logical: kept[function.name] for logical, function in ground.valve.stack.functions.items()}
        assert {name: (*each.versions, *each.aliases) for name, each in there.items()} == THERE
    came = {(name, by): ground.invoke("Asking", {"name": name, "as": by}) for name, by in MEANT}
    assert came == MEANT
