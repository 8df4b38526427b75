"""Invoke: what is asked of a function, what is refused before it is begun, and how its outcome is told.

Knows the operation's headers and errors. Does not know what runs a function.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.eventstream import KIND, chunk, complete
from valve_aws.api.fault import Fault
from valve_aws.api.names import LATEST, split
from valve_aws.api.ports import Answer
from valve_aws.api.registry import Deployed, Version
from valve_aws.api.wired import afterwards, limit
from valve_aws.model.invocation import Beside

JSON = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Begun:
    """An invocation that may go ahead."""

    deployed: Deployed
    version: Version
    payload: bytes
    beside: Beside
    qualifier: str


def _begun(desk: Desk, params: Mapping[str, Any], waits: bool) -> Begun | Answer:
    """Return what is invoked, or the answer of what is not begun. Raises `Fault`."""
    place = desk.registry.place
    name, qualifier = split(params["FunctionName"], place, params.get("Qualifier"))
    deployed = desk.registry.deployed(name, qualifier or LATEST)
    version = desk.registry.version(name, qualifier or LATEST, desk.draw())
    payload, context = params.get("Payload") or b"{}", params.get("ClientContext") or ""
    tenant = params.get("TenantId") or ""
    refused = desk.engine.unacceptable(payload, waits, context)
    if refused := refused or desk.engine.wrong_tenant(version.function.isolates, tenant):
        status, code, body = refused
        return Answer(status, (JSON, ("x-amzn-ErrorType", code)), body)
    ready(version)
    beside = Beside(
        client_context=base64.b64decode(context).decode() if context else "",
        tenant=tenant,
        ident=desk.ident(),
        arn=place.arn(deployed.name, qualifier),
        trace=desk.engine.trace(params.get("@trace") or "", version.function.traced),
    )
    return Begun(deployed, version, payload, beside, qualifier)


async def invoke(desk: Desk, params: Mapping[str, Any]) -> Answer:
    """`Invoke`. Raises `Fault`."""
    kind = params.get("InvocationType") or "RequestResponse"
    begun = _begun(desk, params, kind != "Event")
    if isinstance(begun, Answer):
        return begun
    deployed, version, beside = begun.deployed, begun.version, begun.beside
    told = [("x-amzn-RequestId", beside.ident), ("X-Amzn-Trace-Id", beside.trace)]
    if kind == "DryRun":
        return Answer(204, tuple(told))
    if kind == "Event":
        function = replace(
            version.function,
            afterwards=afterwards(deployed, begun.qualifier),
            reserved=limit(deployed, version),
        )
        desk.engine.later(function, begun.payload, beside)
        return Answer(202, tuple(told))
    function = replace(version.function, reserved=limit(deployed, version))
    done = await desk.engine.invoke(function, begun.payload, beside)
    told += [JSON, ("X-Amz-Executed-Version", version.number)]
    if done.failed:
        told.append(("X-Amz-Function-Error", "Unhandled"))
    if params.get("LogType") == "Tail":
        told.append(("X-Amz-Log-Result", base64.b64encode(done.log).decode()))
    return Answer(200, tuple(told), done.payload)


async def invoke_streaming(desk: Desk, params: Mapping[str, Any]) -> Answer:
    """`InvokeWithResponseStream`: the answer goes out as the function writes it. Raises `Fault`."""
    begun = _begun(desk, params, True)
    if isinstance(begun, Answer):
        return begun
    told = [("x-amzn-RequestId", begun.beside.ident), ("X-Amzn-Trace-Id", begun.beside.trace)]
    if params.get("InvocationType") == "DryRun":
        return Answer(204, tuple(told))
    function = replace(begun.version.function, reserved=limit(begun.deployed, begun.version))
    pieces = await desk.engine.stream(function, begun.payload, begun.beside)

    async def framed() -> AsyncIterator[bytes]:
        async for piece in pieces:
            if isinstance(piece, bytes):
                yield chunk(piece)
                continue
            log = base64.b64encode(piece.log).decode() if params.get("LogType") == "Tail" else ""
            yield complete(piece.error_type, piece.payload.decode("utf-8", "replace"), log)

    told += [
        ("Content-Type", KIND),
        ("X-Amz-Executed-Version", begun.version.number),
        ("X-Amzn-Remapped-Content-Type", "application/octet-stream"),
    ]
    return Answer(200, tuple(told), framed())


async def invoke_async(desk: Desk, params: Mapping[str, Any]) -> Answer:
    """`InvokeAsync`, which is older. Raises `Fault`."""
    asked = {
        "FunctionName": params["FunctionName"],
        "InvocationType": "Event",
        "Payload": params["InvokeArgs"],
    }
    answer = await invoke(desk, asked)
    return (
        Answer(answer.status, (JSON, *answer.headers), b'{"Status":202}') if answer.status == 202 else answer
    )


def ready(version: Version) -> None:
    """See that a version can be run. Raises `Fault`."""
    if version.state != "Active":
        raise Fault(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following "
            f"state: {version.state}",
        )
