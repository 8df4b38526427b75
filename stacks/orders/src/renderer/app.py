"""Renders invoices. Somebody else's function: it does what it says, with a package nobody here has read."""

from invoicely import render


def handler(event, context):
    return {"text": render(event["order"], event["total"], event["customer"])}
