"""Whether an endpoint that somebody else runs is there, ready, and the same as before.

Knows LocalStack's own resources below `/_localstack/`. Does not know AWS's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from valve_aws.backend.endpoint import Endpoint
from valve_aws.backend.process import NotStarted

ANSWER = 5.0
"""Seconds for one answer."""

GLANCE = 3.0
"""Seconds for the answer of an endpoint that may be anything."""

STARTING = 30.0
"""Seconds that one that is starting is waited for."""

TURN = 0.25
"""Seconds between two looks at one that is starting."""

LARGEST = 1 << 20
"""Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What answers at an endpoint. Where it is no LocalStack, `session` is "" and no service is named."""

    endpoint: Endpoint
    version: str = ""
    services: Mapping[str, str] = field(default_factory=dict)
    """service → `available`, `running`, `disabled`, `error` (docs.localstack.cloud, internal endpoints)."""


def find(endpoint: Endpoint, say: Callable[[str], None]) -> Found:
    """Look what answers at an endpoint; one that is starting is waited for. Blocks; raises `NotStarted`.

    A LocalStack's session becomes part of the generation: started anew it is another one, whose cells nobody
    has labelled yet. An endpoint that was not called LocalStack is looked at once, and may be missing until a
    call needs it; what was not seen is nobody else's generation either.
    """
    named = endpoint.kind == "localstack"
    try:
        told = _asked(endpoint, "info", say) if named else _got(endpoint, "info", GLANCE)
    except OSError as error:
        if not named:
            return Found(replace(endpoint, generation=f"{endpoint.generation}/unseen.{time.time_ns()}"))
        raise NotStarted(
            f"nothing listens at `{endpoint.url}` ({_why(error)}); start LocalStack there, or say where it "
            "is: `--backend URL`, AWS_ENDPOINT_URL or LOCALSTACK_HOST"
        ) from error
    session = told.get("session_id")
    if not isinstance(session, str) or not session:
        return Found(endpoint)
    try:
        _await_ready(endpoint, say)
        services = _asked(endpoint, "health", say).get("services")
    except OSError as error:
        raise _gone(endpoint, error) from error
    known = {str(k): str(v) for k, v in services.items()} if isinstance(services, dict) else {}
    found = replace(endpoint, session=session, generation=f"{endpoint.generation}/{session}")
    return Found(found, str(told.get("version", "")), known)


def same(endpoint: Endpoint) -> bool:
    """Say whether the LocalStack that was found is the one that answers now. Blocks; raises `NotStarted`."""
    try:
        return bool(_got(endpoint, "info").get("session_id") == endpoint.session)
    except OSError as error:
        raise _gone(endpoint, error) from error


def _await_ready(endpoint: Endpoint, say: Callable[[str], None]) -> None:
    limit, told = time.monotonic() + STARTING, False
    while not _asked(endpoint, "init/ready", say).get("completed", True):
        if time.monotonic() > limit:
            raise NotStarted(
                f"LocalStack at `{endpoint.url}` is still starting after {STARTING:.0f} s; its log, and its "
                "scripts in `init/ready.d`, tell what it waits for"
            )
        if not told:
            say(f"valve: LocalStack at {endpoint.url} is still starting; waiting for it")
            told = True
        time.sleep(TURN)


def _asked(endpoint: Endpoint, resource: str, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Return what one of LocalStack's resources says; a connection that is taken and let go is a start.

    Why: a container engine takes connections for a LocalStack that does not listen yet, and ends them.
    """
    limit, told = time.monotonic() + STARTING, False
    while True:
        try:
            return _got(endpoint, resource)
        except ConnectionRefusedError:
            raise
        except (ConnectionError, TimeoutError):
            if time.monotonic() > limit:
                raise
        if not told:
            say(f"valve: {endpoint.url} takes connections and does not answer yet; waiting for it")
            told = True
        time.sleep(TURN)


def _got(endpoint: Endpoint, resource: str, patience: float = ANSWER) -> Mapping[str, Any]:
    """Return one answer, {} for what is none of LocalStack's. Raises `OSError`."""
    import http.client
    import urllib.error
    import urllib.request

    # Why no proxy: what answers AWS calls is asked directly, as they are.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint.url}/_localstack/{resource}", timeout=patience) as reply:
            told = json.loads(reply.read(LARGEST))
    except urllib.error.HTTPError as error:
        if error.code < 500:
            return {}
        raise ConnectionError(f"it answers {error.code}") from error
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from error
    except http.client.RemoteDisconnected:
        raise  # Why before the next: it is a connection that ended, and a bad answer by its class alone
    except (ValueError, http.client.HTTPException):
        return {}
    return told if isinstance(told, dict) else {}


def _gone(endpoint: Endpoint, error: OSError) -> NotStarted:
    return NotStarted(f"LocalStack at `{endpoint.url}` does not answer any more: {_why(error)}")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
