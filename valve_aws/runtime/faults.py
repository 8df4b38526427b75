"""The payloads that the platform itself makes: errors told to the runtime, and ends told to the invoker.

Knows AWS's wording. Does not know when each is due.
"""

from __future__ import annotations

import base64
import json

from valve_aws.model.invocation import Answer

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
"""Bytes of a response: 6 MiB and 100 bytes (AWS: `Exceeded maximum allowed payload size (6291556 bytes)`)."""

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a response in pieces (Lambda quotas; 20 MiB until July 2025)."""

REQUEST_LIMITS = {True: 6 * 1024 * 1024, False: 1024 * 1024}
"""Bytes of an invocation's payload, by whether somebody waits for its result (Lambda quotas)."""

JSON = (("Content-Type", "application/json"),)

SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}
"""The words that AWS's supervisor uses, which are those of Go's `syscall.Signal`."""


def refusal(status: int, error_type: str, message: str) -> Answer:
    """Return an error for the runtime or an extension: ``{"errorMessage", "errorType"}``, on a line as AWS
    writes it."""
    told = {"errorMessage": message, "errorType": error_type}
    return Answer(status, JSON, json.dumps(told, separators=(",", ":")).encode() + b"\n")


def another_method() -> Answer:
    """Return what a known path says to a method that it does not take: nothing."""
    return Answer(405)


def accepted() -> Answer:
    """Return 202 with ``{"status": "OK"}``."""
    return Answer(202, JSON, b'{"status":"OK"}\n')


def _payload(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


def unacceptable(payload: bytes, waits: bool, context: str = "") -> tuple[int, str, bytes] | None:
    """Return why an invocation is not begun, as (status, error code, body); None when it is.

    `context` is the client context as it is sent, in base64.
    Source: AWS Lambda API reference, Invoke, errors; the messages are AWS's own.
    """
    limit = REQUEST_LIMITS[waits]
    if len(payload) > limit:
        code = "RequestEntityTooLargeException"
        message = (
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            if waits
            else f"{len(payload)} byte payload is too large for the Event invocation type "
            f"(limit {limit} bytes)"
        )
        return 413, code, json.dumps({"Message": message, "Type": "User"}).encode()
    for content, message in (
        (payload, "Could not parse request body into json"),
        (_decoded(context), "Client context must be a valid Base64-encoded JSON object."),
    ):
        try:
            json.loads(content, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            body = json.dumps({"Type": "User", "message": message}).encode()
            return 400, "InvalidRequestContentException", body
    return None


def wrong_tenant(isolates: bool, tenant: str) -> tuple[int, str, bytes] | None:
    """Return why an invocation is not begun that names a tenant where there are none, or none where each has
    environments of his own.

    Source: AWS Lambda developer guide, `Tenant isolation`; the messages are AWS's own.
    """
    if isolates == bool(tenant):
        return None
    message = (
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request "
        "and try again."
        if isolates
        else "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your "
        "request and try again."
    )
    body = json.dumps({"Type": "User", "message": message}).encode()
    return 400, "InvalidParameterValueException", body


def _decoded(context: str) -> bytes:
    """Return the client context out of its base64: no JSON when it is none, `{}` when there is none."""
    try:
        return base64.b64decode(context, validate=True) if context else b"{}"
    except ValueError:
        return b""


def _no_constant(word: str) -> None:
    """Refuse what Python takes for JSON and nobody else does: `NaN`, `Infinity`."""
    raise ValueError(word)


def timed_out(ident: str, seconds: float) -> bytes:
    """Return the payload of an invocation that took longer than the function's timeout."""
    return _payload(
        "Sandbox.Timedout", f"RequestId: {ident} Error: Task timed out after {seconds:.2f} seconds"
    )


def ending(status: int) -> str:
    """Return how a runtime ended, in the platform's words; a negative status is a signal."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {SIGNALS.get(-status, f'signal {-status}')}"


def exited(ident: str, status: int, error_type: str = "") -> bytes:
    """Return the payload of an invocation whose runtime ended; an extension may have told why."""
    return _payload(error_type or "Runtime.ExitError", f"RequestId: {ident} Error: {ending(status)}")


def crashed(ident: str, error_type: str, words: str) -> bytes:
    """Return the payload of an invocation whose environment ended with one of its extensions."""
    return _payload(error_type, f"RequestId: {ident} Error: {words}")


def out_of_memory(ident: str) -> bytes:
    """Return the payload of an invocation that was ended for its use of memory."""
    return _payload("Runtime.OutOfMemory", f"RequestId: {ident} Error: {ending(-9)}")


def too_large(limit: int = RESPONSE_LIMIT) -> bytes:
    """Return the payload of an invocation whose response exceeds a limit in bytes."""
    return _payload(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    )


def truncated() -> bytes:
    """Return the payload of an invocation whose response in pieces broke off."""
    return _payload("Runtime.TruncatedResponse", "The function's response ended before it was whole")


def invalid_mode() -> bytes:
    """Return the payload of an invocation whose runtime asked for a response mode that there is not."""
    return _payload("Runtime.InvalidResponseModeHeader", "Invalid function response mode")


def recursion() -> bytes:
    """Return the payload of an invocation that is one too many in a chain (AWS: recursive loop detection)."""
    return _payload("RecursiveInvocationException", "the function is being invoked in a loop")


def throttled() -> bytes:
    """Return the body of an invocation that is one too many at once (Lambda API reference, Invoke)."""
    told = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
    return json.dumps({**told, "message": "Rate Exceeded."}).encode()


def unavailable() -> bytes:
    """Return the payload of invoking a function that cannot be run here; not a word about why (law 14)."""
    return _payload("Valve.FunctionUnavailable", "the function cannot be run here; the operator sees why")


def refused(error_type: str, record: str) -> bytes:
    """Return the payload that stands for a result or an event that the valve did not let through (law 14)."""
    return _payload(error_type, f"refused by the valve; the operator sees why under {record}")
