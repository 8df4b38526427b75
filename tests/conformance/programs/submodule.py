"""A module within packages of the code."""

import sys


def handler(event, context):
    return {"event": event, "package": __name__, "version": sys.version_info[0]}
