"""Looks for LocalStack itself, at every address and name of it that an event gives."""

import os
import urllib.error
import urllib.request


def handler(event, context):
    found = {}
    for url in event["urls"]:
        request = urllib.request.Request(url, headers={"Host": event["host"]} if event.get("host") else {})
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                found[url] = reply.read(2000).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            found[url] = error.read(2000).decode("utf-8", "replace")
        except OSError as error:
            found[url] = f"{type(error).__name__}"
    return {"found": found, "told": os.environ["LOCALSTACK_HOSTNAME"]}
