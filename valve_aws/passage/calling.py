"""A call of one function of the template to another, which runs here in place of the backend's.

Knows what the Lambda API answers to such a call. Does not know how a function is run, nor what is judged.
"""

from __future__ import annotations

import base64
import json

from valve_aws.api.eventstream import KIND, chunk, complete
from valve_aws.aws import names
from valve_aws.course import commands as ask
from valve_aws.model.call import Head
from valve_aws.model.cell import Cell
from valve_aws.model.invocation import Beside
from valve_aws.model.ports import Outcome
from valve_aws.model.verdict import Way
from valve_aws.passage.driver import Passage
from valve_aws.runtime import faults

OPERATIONS = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})


async def called(passage: Passage, head: Head, command: ask.Forward, body: bytes | None) -> ask.Reply:
    """Run what is called, and return the answer to its caller."""
    call, params = command.call, command.call.params
    streams = call.operation == "InvokeWithResponseStream"
    kind = "Event" if call.operation == "InvokeAsync" else params.get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        return ask.Reply(204, Outcome.DONE, body=(204, (), b""))
    waits = kind != "Event"
    payload = bytes(body or params.get("Payload") or b"{}")
    context = str(params.get("ClientContext") or "") if waits else ""
    tenant = str(params.get("TenantId") or "")
    place = names.Place(passage.court.account, passage.court.region)
    arn, qualifier = names.function(params["FunctionName"], place, str(params.get("Qualifier") or ""))
    arn = f"{arn}:{qualifier}" if qualifier else arn
    meant = passage.versions.meant(passage.stack, arn)
    if meant is None:
        return _unfound(arn)
    isolates = meant.isolates
    if fault := faults.unacceptable(payload, waits, context) or faults.wrong_tenant(isolates, tenant):
        status, code, told = fault
        headers = [("content-type", "application/json"), ("x-amzn-errortype", code)]
        return ask.Reply(status, Outcome.FAILED, body=(status, headers, told))
    trace = head.header("x-amzn-trace-id") or ""
    beside = Beside(base64.b64decode(context).decode(), tenant, arn=arn, trace=trace)
    # Why: for the invoked function the tags came in with its event, whatever their way was before.
    event = Cell(call.resources[0], "event")
    sent = tuple(Way(way.tag, event, record=command.record) for way in command.ways)
    done = await passage.invoke(
        call.resources[0], payload, waits, command.carries, sent, command.record, beside
    )
    form = KIND if streams else "application/json"
    headers = [("content-type", form), ("x-amzn-requestid", command.record)]
    if not waits:
        return ask.Reply(202, Outcome.DONE, body=(202, headers, b""))
    headers.append(("x-amz-executed-version", meant.version or "$LATEST"))
    if done.throttled:
        headers = [("content-type", "application/json"), headers[1]]
        busy = (429, [*headers, ("x-amzn-errortype", "TooManyRequestsException")], done.payload)
        return ask.Reply(429, Outcome.FAILED, carries=done.label, ways=done.ways, body=busy)
    answer = _framed(done.payload, done.error) if streams else done.payload
    if not streams:
        headers += [("x-amz-function-error", "Unhandled")] if done.error else []
        headers += [("x-amz-log-result", "")] if params.get("LogType") == "Tail" else []
    return ask.Reply(200, Outcome.DONE, carries=done.label, ways=done.ways, body=(200, headers, answer))


def _unfound(arn: str) -> ask.Reply:
    told = json.dumps({"Type": "User", "Message": f"Function not found: {arn}"}).encode()
    headers = [("content-type", "application/json"), ("x-amzn-errortype", "ResourceNotFoundException")]
    return ask.Reply(404, Outcome.FAILED, body=(404, headers, told))


def _framed(payload: bytes, failed: bool) -> bytes:
    """Return a result as InvokeWithResponseStream has it.

    Why whole: its label is that of its end, and the caller takes it on with the first piece.
    """
    told = complete("Unhandled", payload.decode("utf-8", "replace")) if failed else complete()
    return told if failed else chunk(payload) + told
