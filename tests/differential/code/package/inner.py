"""A handler within a package."""

from . import __name__ as package


def handler(event, context):
    return [package, __name__, event]
