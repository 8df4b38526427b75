"""The child: its own interpreter, its own connections."""

import json
import sys
import urllib.error
import urllib.request

import errand


def post(letter):
    asked = urllib.request.Request(
        f"https://{letter.host}{letter.path}", letter.body, errand.signed(letter), method=letter.method
    )
    try:
        with urllib.request.urlopen(asked, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


event = json.load(sys.stdin)
email = errand.address(post(errand.reading())[1])
json.dump({step: post(letter)[0] for step, letter in errand.sending(event, email).items()}, sys.stdout)
