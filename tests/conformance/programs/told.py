"""What a function of Python tells of itself, gives back, or fails with, as its event asks."""

import os


def handler(event, context):
    if not isinstance(event, dict) or not event.keys() & {"simple", "error_msg", "variable"}:
        return event
    if "variable" in event:
        return os.environ[event["variable"]]
    if "error_msg" in event:
        raise Exception(f"Failed: {event['error_msg']}")
    names = ("function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb")
    more = ("aws_request_id", "log_group_name", "log_stream_name")
    told = {name: getattr(context, name) for name in names + more}
    told["remaining_time_in_millis"] = context.get_remaining_time_in_millis()
    return {"ctx": told, "environment": dict(os.environ), "packages": []}
