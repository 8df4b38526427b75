"""Effect rows of EventBridge.

Knows what each operation on buses does. Does not know which rules hand events on: the stack's wiring says.
"""

from __future__ import annotations

import re

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _sets(operation: str, opens: str, leaves: str = "", delivers: str = "") -> Row:
    return Row(operation, "changes where events go, or who may put them", reveals="config", changes="set-up",
               delivers=delivers, opens=opens, actions=f"events:{operation}@bus", leaves=leaves)


def _makes(operation: str, opens: str, leaves: str, delivers: str = "") -> Row:
    return Row(operation, "belongs to no bus: any rule of the account may use it", reveals="account-config",
               changes="account-set-up", delivers=delivers, opens=opens, actions=f"events:{operation}@any",
               leaves=leaves)


def _shows(operation: str, reveals: str = "config", leaves: str = "") -> Row:
    return Row(operation, "settings of buses and rules", reveals=reveals, actions=f"events:{operation}@any",
               leaves=leaves)


ROWS = (
    Row("PutEvents", "new events on each entry's bus; the reply's ids are random", changes="new",
        opens="elsewhere", blind="always", actions="events:PutEvents@each",
        leaves="source=Entries.Source type=Entries.DetailType resource=Entries.Resources "
               "trace=Entries.TraceHeader"),
    Row("TestEventPattern", "compares what the request itself brings", reveals="account-config",
        actions="events:TestEventPattern@any"),
    _shows("DescribeEventBus"),
    _shows("DescribeRule", leaves="rule=Name"),
    _shows("ListRules", leaves="prefix=NamePrefix"),
    _shows("ListTargetsByRule", leaves="rule=Rule"),
    _shows("ListEventBuses", "buses", "prefix=NamePrefix"),
    _sets("PutRule", "hands events on by a rule", "rule=Name"),
    _sets("DeleteRule", "stops what others rely on", "rule=Name"),
    _sets("EnableRule", "hands events on by a rule", "rule=Name"),
    _sets("DisableRule", "stops what others rely on", "rule=Name"),
    _sets("PutTargets", "hands events on to another place", "rule=Rule target=Targets.Arn", "targets"),
    _sets("RemoveTargets", "stops what others rely on", "rule=Rule"),
    _sets("PutPermission", "lets others put events"),
    _sets("RemovePermission", "changes who may put events"),
    _sets("CreateEventBus", "makes a bus", "bus=Name", "failures"),
    _sets("DeleteEventBus", "deletes a bus", "bus=Name"),
    _sets("CreateArchive", "keeps a copy of every event", "archive=ArchiveName"),
    _makes("CreateApiDestination", "makes a way to another host", "name=Name host=InvocationEndpoint",
           "endpoint"),
    _makes("CreateConnection", "keeps credentials for another host", "name=Name"),
    Row("StartReplay", "puts what an archive kept on a bus again", consults="archived", reveals="config",
        changes="replayed", opens="puts old events again", actions="events:StartReplay@any",
        leaves="replay=ReplayName"),
)

BUS = re.compile(r"[A-Za-z0-9_./-]{1,256}", re.ASCII)


def bus(text: str, place: names.Place) -> str:
    """Return `arn:aws:events:region:account:event-bus/name`; the bus without a name is `default`."""
    return names.within(place, "events", text or "default", BUS, "event-bus/", "event bus")


OWN_BUS = frozenset({"DescribeEventBus", "CreateEventBus", "DeleteEventBus"})


def _bus(asked: Asked) -> list[str]:
    if asked.operation == "CreateArchive":
        return [bus(asked.params["EventSourceArn"], asked.place)]
    member = "Name" if asked.operation in OWN_BUS else "EventBusName"
    return [bus(asked.params.get(member) or "", asked.place)]


def _replayed(asked: Asked) -> list[str]:
    return [bus(asked.params["Destination"]["Arn"], asked.place)]


def _targets(asked: Asked) -> list[str]:
    """Where a rule's events go, and those that fail; an API destination's address is judged when it is
    made.
    """
    given = [entry["Arn"] for entry in asked.params["Targets"]]
    failed = [(entry.get("DeadLetterConfig") or {}).get("Arn") for entry in asked.params["Targets"]]
    return [onward.target(text, asked.place) for text in (*given, *failed) if text]


def _failures(asked: Asked) -> list[str]:
    text = (asked.params.get("DeadLetterConfig") or {}).get("Arn")
    return [onward.target(text, asked.place)] if text else []


def _endpoint(asked: Asked) -> list[str]:
    return [onward.target(asked.params["InvocationEndpoint"], asked.place)]


def _each(asked: Asked) -> list[str]:
    return [bus(entry.get("EventBusName") or "", asked.place) for entry in asked.params["Entries"]]


def elsewhere(asked: Asked) -> str:
    """A global endpoint sends events to a bus of another region."""
    return "sends events to the bus of another region" if asked.params.get("EndpointId") else ""


SERVICE = Service(
    rows=ROWS,
    extents={
        "new": whole(_each, (Part.CONTENT, Span.NEW)),
        "config": whole(_bus, (Part.CONFIG, Span.ALL)),
        "set-up": whole(_bus, (Part.CONFIG, Span.ONE)),
        # Why of the bus: events are put again only where they were archived (EventBridge API, StartReplay).
        "archived": whole(_replayed, (Part.CONTENT, Span.ALL)),
        "replayed": whole(_replayed, (Part.CONTENT, Span.NEW)),
        "account-set-up": whole(account("events"), (Part.CONFIG, Span.ONE)),
        "buses": whole(account("events"), (Part.NAMES, Span.ALL), (Part.CONFIG, Span.ALL)),
        "account-config": whole(account("events"), (Part.CONFIG, Span.ALL)),
    },
    arns={"any": anything, "bus": _bus, "each": _each, "targets": _targets, "failures": _failures,
          "endpoint": _endpoint},
    openers={"elsewhere": elsewhere},
)
