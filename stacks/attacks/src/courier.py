"""The innocent neighbour: carries whatever it is told to where it is told.

Order: `{"to": "open" | "kept", "text": "…", "trial": "…", "account": "…"}`, as an invocation or as a message.
`next` is a function to hand the order to in its stead.
"""

import json
import os

from hands import Hands


def handler(event, context):
    orders = [json.loads(record["body"]) for record in event.get("Records", ())] or [event]
    for order in orders:
        carry(Hands({"way": "sdk", **order}), order)


def carry(hands, order):
    if order.get("next"):
        rest = {name: value for name, value in order.items() if name != "next"}
        body = json.dumps(rest).encode()
        hands.call("lambda", "Invoke", FunctionName=order["next"], Payload=body)
        return
    there = hands.queue(f"{order['to']}-jobs")
    by = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    told = json.dumps({"text": order["text"], "by": by})
    hands.call("sqs", "SendMessage", QueueUrl=there, MessageBody=told)
