"""Through an SDK of 2019 that the function carries in its own folder, `sdk/`."""

import sys

import carried_over

sys.path.insert(0, "/var/task/sdk")
carried_over.prepare()

import boto3  # noqa: E402  the folder above must come first
import botocore  # noqa: E402  as above
import errand  # noqa: E402  as above


def handler(event, context):
    return {**errand.through(boto3, event), "sdk": botocore.__version__}
