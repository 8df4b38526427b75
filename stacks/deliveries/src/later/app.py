"""A thread goes on after the handler has returned; the next event finds out how far it came.

Between the two the environment rests, as on AWS.
"""

import threading
import time

import boto3
import errand

LATE = {}


def handler(event, context):
    if "of" in event:
        return LATE.pop("came").result() if "came" in LATE else None
    LATE["came"] = Later(event)
    return None


class Later(threading.Thread):
    """The errand, begun when the handler has returned."""

    def __init__(self, event):
        super().__init__(daemon=True)
        self.event, self.came = event, None
        self.start()

    def run(self):
        time.sleep(0.2)
        self.came = errand.through(boto3, self.event)

    def result(self):
        self.join()
        return self.came
