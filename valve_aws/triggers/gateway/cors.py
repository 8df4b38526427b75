"""What an API says to other origins' scripts, before and beside what a function says.

Knows CORS as HTTP APIs and function URLs do it (API Gateway developer guide, "Configure CORS for HTTP APIs").
Does not know REST APIs, where a route answers with fixed headers.
"""

from __future__ import annotations

from valve_aws.triggers.gateway.asked import Answer, Asked
from valve_aws.triggers.gateway.routes import Cors


def preflight(asked: Asked, cors: Cors | None) -> Answer | None:
    """Return the answer to a browser's question whether it may ask; None when this is no such question."""
    if cors is None or asked.method != "OPTIONS":
        return None
    if not asked.header("origin") or not asked.header("access-control-request-method"):
        return None
    allowed = _origin(asked, cors)
    named = (
        ("Access-Control-Allow-Methods", cors.methods),
        ("Access-Control-Allow-Headers", cors.headers),
        ("Access-Control-Max-Age", cors.age),
    )
    return Answer(204, (*allowed, *((n, v) for n, v in named if allowed and v)))


def beside(asked: Asked, cors: Cors | None, answer: Answer) -> Answer:
    """Return an answer with the API's own headers in place of those of the function."""
    if cors is None:
        return answer
    kept = tuple(line for line in answer.headers if not line[0].lower().startswith("access-control-"))
    allowed = _origin(asked, cors)
    exposed = (("Access-Control-Expose-Headers", cors.exposed),) if allowed and cors.exposed else ()
    return Answer(answer.status, (*kept, *allowed, *exposed), answer.body)


def fixed(cors: Cors) -> Answer:
    """Return what a REST API's route for OPTIONS answers to everybody."""
    named = (
        ("Access-Control-Allow-Origin", ",".join(cors.origins)),
        ("Access-Control-Allow-Methods", cors.methods),
        ("Access-Control-Allow-Headers", cors.headers),
        ("Access-Control-Max-Age", cors.age),
        ("Access-Control-Allow-Credentials", "true" if cors.credentials else ""),
    )
    return Answer(200, (("Content-Type", "application/json"), *((n, v) for n, v in named if v)), b"{}\n")


def _origin(asked: Asked, cors: Cors) -> tuple[tuple[str, str], ...]:
    """Return the headers that let the asking origin in, none when it may not."""
    origin = asked.header("origin") or ""
    if not origin or not any(_fits(each, origin) for each in cors.origins):
        return ()
    shown = "*" if "*" in cors.origins and not cors.credentials else origin
    lines: list[tuple[str, str]] = [("Access-Control-Allow-Origin", shown)]
    if cors.credentials:
        lines.append(("Access-Control-Allow-Credentials", "true"))
    return tuple(lines)


def _fits(pattern: str, origin: str) -> bool:
    """Say whether an allowed origin is this one; `https://*` stands for all of a scheme."""
    before, star, after = pattern.lower().partition("*")
    if not star:
        return origin.lower() == before
    fits = origin.lower().startswith(before) and origin.lower().endswith(after)
    return fits and len(origin) >= len(before) + len(after)
