"""Functions that are asked: what each gives back is in its name.

Knows events and what an environment shows of itself. Does not know any case.
"""

from __future__ import annotations

import base64
import getpass
import json
import logging
import os
import platform
import resource
import stat
import sys
import time
from pathlib import Path
from typing import Any

logging.getLogger().setLevel(logging.INFO)

KEPT = {"number": 0}
"""What an environment remembers."""


class CustomError(Exception):
    """What `raises` raises."""


def echo(event: Any, context: Any) -> Any:
    """Print the event, and return it."""
    print(json.dumps(event))
    return event


def nothing(event: Any, context: Any) -> None:
    """Print the event."""
    print(json.dumps(event))


def gives(event: Any, context: Any) -> Any:
    """Return what the body of a request says."""
    return json.loads(event["body"])


def raises(event: Any, context: Any) -> Any:
    """Fail."""
    raise CustomError("some error occurred")


def variables(event: Any, context: Any) -> Any:
    """Return the variables that the event names, all if it names none."""
    return {name: os.environ[name] for name in event.get("names", os.environ)}


def tells(event: Any, context: Any) -> Any:
    """Write two lines of log, and return the event with what the context says."""
    print("a line that was printed", flush=True)
    logging.info("a line that was logged")
    members = (
        "invoked_function_arn function_version function_name memory_limit_in_mb aws_request_id "
        "log_group_name log_stream_name client_context"
    )
    told = {name: getattr(context, name) for name in members.split()}
    return {"event": event, "context": told}


def ident(event: Any, context: Any) -> Any:
    """Log a line, and return the request's id; fail if the event says so."""
    logging.info("a line that was logged")
    if event.get("fail"):
        raise Exception("was to fail")
    return context.aws_request_id


def waits(event: Any, context: Any) -> None:
    """Wait as many seconds as the event says."""
    print("begins to wait", flush=True)
    time.sleep(event["wait"])
    print("has waited")


def keeps(event: Any, context: Any) -> Any:
    """Keep a text in a file and a number in memory, and return them; or outlive the time-out."""
    file = Path("/tmp/kept")
    if "write" in event:
        file.write_text(event["write"])
    elif "read" in event:
        return {"content": file.read_text()}
    elif "set" in event:
        KEPT["number"] = event["set"]
    elif "get" in event:
        return dict(KEPT)
    else:
        time.sleep(event["wait"])
    return None


def long(event: Any, context: Any) -> Any:
    """Return a text that is as long as the event says."""
    print("a long text")
    return "a" * event["length"]


def leaves(event: Any, context: Any) -> None:
    """End the runtime while it serves an event."""
    sys.exit(0)


def caller(event: Any, context: Any) -> Any:
    """Return who this function is to STS."""
    import boto3

    return boto3.client("sts").get_caller_identity()["Arn"]


def prefixed(event: Any, context: Any) -> Any:
    """Ask for a service that is not there, by an operation whose host has a name before it."""
    import boto3
    from botocore.config import Config

    found = {}
    for name, config in {"with": None, "without": Config(inject_host_prefix=False)}.items():
        client = boto3.client("servicediscovery", config=config)
        try:
            client.discover_instances(NamespaceName="nothing", ServiceName="nothing")
        except client.exceptions.NamespaceNotFound:
            found[name] = "there is none such"
    return found


def told_on(queue: str) -> None:
    """Return once there is a message in a queue. Why so: how long a case takes until then is nobody's guess.
    """
    import boto3

    client = boto3.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    while not client.receive_message(QueueUrl=url).get("Messages"):
        time.sleep(0.05)


def variant(event: Any, context: Any) -> Any:
    """Wait for a message if the event says where; print and return which variant of itself this is."""
    told = {
        "function_version": context.function_version,
        "request_id": context.aws_request_id,
        "request_prefix": event["prefix"],
        "function_variant": os.environ["VARIANT"],
    }
    print(f"BEGUN {event['prefix']}", flush=True)
    if "until" in event:
        told_on(event["until"])
    print(f"RAN {event['prefix']}--{os.environ['VARIANT']}", flush=True)
    return told


def machine(event: Any, context: Any) -> Any:
    """Return what can be seen of the machine; whose its folders are if the event says so."""
    paths = {}
    for name in ("/var/task", "/opt", "/tmp"):
        path, label = Path(name), name.replace("/", "_")
        found = path.stat()
        paths[f"{label}_mode"] = stat.filemode(found.st_mode)
        if "owners" in event:
            paths[f"{label}_owner"] = path.owner()
            paths |= {f"{label}_uid": found.st_uid, f"{label}_gid": found.st_gid}
    return {
        "event": event,
        "user_login_name": getpass.getuser(),
        "user_whoami": os.popen("whoami").read().strip(),
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "pwd": str(Path.cwd()),
        "paths": paths,
    }


def limits(event: Any, context: Any) -> Any:
    """Return limits of this process, by name."""
    return {name: resource.getrlimit(getattr(resource, name)) for name in event["names"]}


def request(event: Any, context: Any) -> Any:
    """Return what a request was, without the headers that the event's `TRIMS` keeps back."""
    body = event.get("body") or ""
    text = base64.b64decode(body).decode("latin1") if event["isBase64Encoded"] else body
    trims = os.environ.get("TRIMS")
    told = {
        "args": event.get("queryStringParameters", {}),
        "data": json.loads(text) if event["headers"].get("content-type") == "application/json" else body,
        "domain": event["requestContext"]["domainName"],
        "headers": {n: v for n, v in event["headers"].items() if not (trims and n.startswith("x-"))},
        "method": event["requestContext"]["http"]["method"],
        "origin": event["requestContext"]["http"]["sourceIp"],
        "path": event["rawPath"],
    }
    return {"statusCode": 200, "body": json.dumps(told)}
