"""Reads a person's name if asked to, then ends as the event says: answers, fails, sleeps or says it aloud."""

import os
import time

import boto3

s3, sqs = boto3.client("s3"), boto3.client("sqs")
PUBLIC = "https://sqs.us-east-1.amazonaws.com/000000000000/front-public"


def handler(event, context):
    text, asked = "nobody", event.get("rawQueryString")
    event = {**event, "read": asked == "case=read"} if asked is not None else event
    if event.get("read"):
        text = s3.get_object(Bucket="front-people", Key="alice")["Body"].read().decode()
    told = f"{event.get('case')} {text}"
    if event.get("send"):
        sqs.send_message(QueueUrl=PUBLIC, MessageBody=f'{{"told": "{told}"}}')
    match event.get("then"):
        case "fail":
            raise ValueError(told)
        case "sleep":
            time.sleep(event["seconds"])
        case "exit":
            os._exit(3)
        case "print":
            print(told)  # noqa: T201  a line of its log
    return {"told": told, "version": context.function_version, "arn": context.invoked_function_arn}
