"""Prints the body of its event, line by line."""

import sys


def handler(event, context):
    sys.stdout.write(event["body"])
