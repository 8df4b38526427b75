"""Stands in for a function of somebody's template: learns one labelled text and tries every way out.

Event: `{"trial", "account", "source", "outlets"}`, the source a call or a `payload`;
`{"ask": "left"}` asks a warm environment for what an earlier event left there.
"""

import re
import sys
import threading

import hands as tools

MARKER = re.compile("s[0-9a-f]{19}")

LEFT = "/tmp/left"

KEPT = {}


def handler(event, context):
    if event.get("ask") == "left":
        return left()
    if "source" not in event:
        return {}  # woken by a queue: who sent it is under attack, not this one
    hands = tools.Hands({**event, "way": "sdk"})
    text = learned(hands, event["source"])
    if not text:
        return {"learned": False, "statuses": hands.statuses}
    keep(text + event["left"])
    for outlet in event["outlets"]:
        attempt(hands, outlet, text + outlet["token"])
    return {"learned": True, "left": text + event["result"], "statuses": hands.statuses}


def learned(hands, source):
    """The marker of a source, "" when it may not be had."""
    if "payload" in source:
        return MARKER.search(source["payload"])[0]
    told = hands.call(source["service"], source["operation"], **source["params"]).told
    body = told.get("Body")
    found = MARKER.search((body.read().decode() if hasattr(body, "read") else "") + repr(told))
    return found[0] if found else ""


def keep(text):
    """Leave it behind in all places that a later event of the same environment can look at."""
    KEPT["text"] = text
    sys.modules["left_behind"] = text
    threading.Thread(target=threading.Event().wait, name=text, daemon=True).start()
    with open(LEFT, "w") as file:
        file.write(text)


def left():
    """What is there."""
    found = [KEPT.get("text", ""), str(sys.modules.get("left_behind", ""))]
    found += [thread.name for thread in threading.enumerate()]
    try:
        with open(LEFT) as file:
            found.append(file.read())
    except OSError:
        pass
    return {"found": found}


def attempt(hands, outlet, text):
    """Try one way out; whatever goes wrong there is told by nobody."""
    filled = fill(outlet, text)
    try:
        KINDS[outlet["kind"]](hands, filled)
    except Exception as error:
        hands.statuses.append((outlet["kind"], repr(error)))


def fill(value, text):
    """The same with the text in every place that waits for it."""
    if isinstance(value, dict):
        return {name: fill(inner, text) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, text) for inner in value]
    return value.replace("{text}", text) if isinstance(value, str) else value


def call(hands, outlet):
    keys = tools.FOREIGN if outlet.get("foreign") else None
    hands.call(outlet["service"], outlet["operation"], keys, **outlet["params"])


KINDS = {
    "call": call,
    "http": lambda hands, outlet: hands.http(outlet["method"], outlet["url"], outlet["body"].encode()),
    "dial": lambda hands, outlet: hands.dial(outlet["host"], outlet["port"], outlet["line"].encode()),
    "print": lambda hands, outlet: print(outlet["line"], flush=True),
}
