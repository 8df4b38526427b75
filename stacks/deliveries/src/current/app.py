"""Through the boto3 that Lambda brings along."""

import boto3
import errand


def handler(event, context):
    return errand.through(boto3, event)
