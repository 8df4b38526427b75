"""Sends a text on by the way that the event names; with `read` it is a person's name, else nobody's."""

import json
import time

import boto3

s3, sqs, sns, dynamodb, functions = (boto3.client(s) for s in ("s3", "sqs", "sns", "dynamodb", "lambda"))
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
        case "sleep":
            time.sleep(event["seconds"])
    return {"sent": True}
