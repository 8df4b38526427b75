"""The handler: runs one attack, or its honest twin, by one way of delivery.

Event: `{"attack": "a01", "part": "attack" | "twin", "way": "sdk", "trial": "…", "account": "…"}`. Work after
the return is fetched with `{"ask": "later"}`, in the same environment.
"""

import importlib
import json
import os
import subprocess
import sys
import threading

from hands import Hands

LATE = {}


def handler(event, context):
    if "Records" in event:
        return [handler(left(record), context) for record in event["Records"]]
    if event.get("ask") == "later":
        LATE["thread"].join()
        return LATE["told"]
    return WHERE.get(event["way"], here)(event)


def left(record):
    """The event that a message holds, and how often it was received."""
    return {**json.loads(record["body"]), "received": record["attributes"]["ApproximateReceiveCount"]}


def here(event):
    """Run it now."""
    hands = Hands(event)
    part = getattr(importlib.import_module(event["attack"]), event["part"])
    told = part(hands)
    return {"statuses": hands.statuses, "told": told}


def thread(event):
    """Run it in a thread, and wait."""
    told = {}
    runner = threading.Thread(target=lambda: told.update(here(event)))
    runner.start()
    runner.join()
    return told


def later(event):
    """Begin when the handler has returned; the next event finds out what came of it."""
    LATE["thread"] = threading.Timer(0.05, lambda: LATE.update(told=here(event)))
    LATE["thread"].daemon = True
    LATE["thread"].start()


def child(event):
    """Run it in another process, and wait."""
    command = [sys.executable, "/var/task/stage.py"]
    ran = subprocess.run(command, input=json.dumps(event).encode(), stdout=subprocess.PIPE, env=os.environ)
    return json.loads(ran.stdout)


WHERE = {"thread": thread, "later": later, "child": child}

if __name__ == "__main__":
    json.dump(here(json.load(sys.stdin)), sys.stdout)
