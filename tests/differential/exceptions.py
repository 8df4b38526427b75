"""Where the two differ, and may: each line names the emulator's known bug, and what either side answers.

Knows answers by a part of them. A line that is not needed any more fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Differs:
    """One case, what is within either answer, and why the emulator's is not Lambda's."""

    function: str
    case: str
    ours: bytes
    theirs: bytes
    why: str


UNREAD = (
    "the emulator hands an event over unread; Lambda refuses what is no JSON before any function sees it "
    "(API reference, Invoke: InvalidRequestContentException)"
)
UNBOUNDED = "the emulator takes events of any size; Lambda takes 6 MB (Lambda quotas, invocation payload)"
PLAIN = (
    "the emulator says in plain text that time is over; Lambda's payload is an error of type "
    "Sandbox.Timedout (recorded on AWS)"
)
SILENT = (
    "the emulator answers nothing when a runtime ends within its init; Lambda tells Runtime.ExitError "
    "(developer guide, `Troubleshoot invocation issues`)"
)
GROUP = "the emulator has one log group for every function, `/aws/lambda/Functions`"
UNTOLD = (
    "the emulator sets no AWS_LAMBDA_INITIALIZATION_TYPE "
    "(developer guide, `Defined runtime environment variables`)"
)
UNRESTORED = (
    "the emulator knows the paths of SnapStart only where it caches inits; on Lambda they are there "
    "(awslambdaric, `restore_next`)"
)

UNTOLD_ERRORS = (
    "the emulator, which keeps a streamed response back to its end, drops the trailers that tell its error "
    "(developer guide, custom runtimes, `Response streaming`)"
)
UNENDED = (
    "the emulator leaves an invocation whose runtime asked for an unknown response mode until time is over; "
    "Lambda's supervisor ends it with Runtime.InvalidResponseModeHeader"
)

STREAMED = "Node: responses in pieces"
REFUSED = b'"Could not parse request body into json"'
OVER = b"Task timed out after 1.00 seconds"
UNMARSHALLED = b'"errorType": "Runtime.UnmarshalError"'


def _each(function: str, cases: Iterable[str], ours: bytes, theirs: bytes, why: str) -> tuple[Differs, ...]:
    return tuple(Differs(function, case, ours, theirs, why) for case in cases)


EXCEPTIONS: tuple[Differs, ...] = (
    *_each("events, given back", ["deeper than Python reads"], REFUSED, UNMARSHALLED, UNREAD),
    *_each("events, as Python sees them", ["deeper than Python reads"], REFUSED, UNMARSHALLED, UNREAD),
    *_each(
        "events that are no JSON",
        (
            "no body",
            "no JSON",
            "two values",
            "not a number",
            "infinity",
            "single quotes",
            "comma at the end",
            "bytes that are no UTF-8",
            "blanks alone",
            "a letter of control within a text",
        ),
        REFUSED,
        UNMARSHALLED,
        UNREAD,
    ),
    Differs(
        "sizes", "an event of one byte more", b"Request must be smaller than 6291456 bytes", b"3", UNBOUNDED
    ),
    Differs("times", "not in time", b'"errorType":"Sandbox.Timedout"', OVER, PLAIN),
    *_each(
        "context",
        ("what the context says", "tenant"),
        b'"log_group_name": "/aws/lambda/Fcontext"',
        b'"log_group_name": "/aws/lambda/Functions"',
        GROUP,
    ),
    Differs(
        "context",
        "variables",
        b'"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"',
        b'"AWS_LAMBDA_INITIALIZATION_TYPE": null',
        UNTOLD,
    ),
    Differs("Node: times", "not in time", b'"errorType":"Sandbox.Timedout"', OVER, PLAIN),
    Differs(STREAMED, "error before the first piece", b'"errorMessage":"too early"', b"", UNTOLD_ERRORS),
    Differs(STREAMED, "error without an end", b'"errorMessage":"too late"', b"one", UNTOLD_ERRORS),
    Differs("own: mode", "event", b"Runtime.InvalidResponseModeHeader", OVER, UNENDED),
    *_each(
        "requests to the runtime's API",
        ("restored, after the start", "error of restoring, after it"),
        b"InvalidStateTransition",
        b"404 page not found",
        UNRESTORED,
    ),
    *(
        each
        for module, cases in {
            "exits": ("event 1", "event 2"),
            "js_exits": ("event",),
            **dict.fromkeys(("exits_well", "exits_at_once", "killed", "interrupted"), ("event",)),
        }.items()
        for each in _each(f"{module}.handler", cases, b'"errorType":"Runtime.ExitError"', b"", SILENT)
    ),
)
