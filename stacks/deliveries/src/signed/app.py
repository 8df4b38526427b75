"""Signed by hand, and sent with the standard library to the genuine host names."""

import http.client

import errand


def handler(event, context):
    email = errand.address(post(errand.reading())[1])
    return {step: post(letter)[0] for step, letter in errand.sending(event, email).items()}


def post(letter):
    connection = http.client.HTTPSConnection(letter.host, timeout=10)
    try:
        connection.request(letter.method, letter.path, letter.body, errand.signed(letter))
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
