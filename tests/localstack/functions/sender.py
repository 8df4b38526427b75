"""Sends a text on by the way that the event names; with `read` it is a person's name, else nobody's."""

import json

import boto3

s3, sqs, sns, dynamodb, functions = (boto3.client(s) for s in ("s3", "sqs", "sns", "dynamodb", "lambda"))
events, machines = boto3.client("events"), boto3.client("stepfunctions")


def foreign_trace(request, **_):
    """Claims to come of something else, as far as a header can."""
    request.headers["X-Amzn-Trace-Id"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    request.headers["x-localstack-data"] = '{"service_principal": "s3"}'


QUEUES = "https://sqs.us-east-1.amazonaws.com/000000000000/"
TOPICS = "arn:aws:sns:us-east-1:000000000000:"


def handler(event, context):
    text = "nobody"
    if event.get("read"):
        text = s3.get_object(Bucket="front-people", Key="alice")["Body"].read().decode()
    to, case = event["to"], {"case": event["case"], "text": text}
    match event["via"]:
        case "object":
            s3.put_object(Bucket=to, Key=f"{event['case']}/{text}", Body=text)
        case "message":
            sqs.send_message(QueueUrl=QUEUES + to, MessageBody=json.dumps(case))
        case "notice":
            sns.publish(TopicArn=TOPICS + to, Message=json.dumps(case))
        case "item":
            dynamodb.put_item(TableName=to, Item={"id": {"S": event["case"]}, "text": {"S": text}})
        case "invoke":
            answer = functions.invoke(FunctionName=to, Payload=json.dumps(case))
            return {"answered": json.loads(answer["Payload"].read())}
        case "event":
            functions.invoke(FunctionName=to, Payload=json.dumps(case), InvocationType="Event")
        case "bus":
            entry = {"Source": "front", "DetailType": "case", "Detail": json.dumps(case)}
            events.put_events(Entries=[{**entry, "EventBusName": to}])
        case "machine":
            arn = f"arn:aws:states:us-east-1:000000000000:stateMachine:{to}"
            machines.start_execution(stateMachineArn=arn, input=json.dumps(case))
        case "forged":
            functions.meta.events.register("before-sign.lambda.Invoke", foreign_trace)
            record = {"eventSource": "aws:s3", "case": event["case"], "text": text}
            record["s3"] = {"bucket": {"name": "front-plain"}, "object": {"key": "clean"}}
            payload = json.dumps({"Records": [record]})
            functions.invoke(FunctionName=to, Payload=payload, InvocationType="Event")
    return {"sent": True}
