"""The small worlds that rows are tried in: buckets, uploads, queues, tables.

Knows what is in each, how it is brought there, looked at whole and made different. Does not know any row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.rows.cloud import PLACE
from valve_aws.model.cell import Cell, Part
from valve_aws.model.stack import KeySchema

State = dict[Cell, Any]
"""All that can be seen of a world: cell → what it holds; a cell that is not there has no entry."""

Plan = dict[Any, Any]
"""What a world is to hold, in its own terms."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Edit:
    """One thing made different before the call: the cells that it touches, and what it does to the plan."""

    name: str
    cells: tuple[Cell, ...]
    do: Callable[[Plan], Any]
    kind: str = "content"
    """`content`, `goes`, `comes`: those of one kind are made together without undoing each other."""


class World:
    """One service's stores. `symbols` turns what is random into names that stay."""

    PLAN: ClassVar[Plan] = {}

    def __init__(self, client: Any) -> None:
        self.client = client
        self.seen: dict[tuple[str, ...], State] = {}
        self.symbols: dict[str, str] = {}
        self.put_up()

    def put_up(self) -> None:
        """Make the stores."""

    def bring(self, plan: Plan) -> None:
        """Make the content what the plan says, wherever it is now."""
        raise NotImplementedError

    def look(self) -> State:
        """Return all that there is."""
        raise NotImplementedError

    def start(self, edits: Sequence[Edit]) -> State:
        """Bring the content to what the plan says but for `edits`; return what that looks like.

        Looked at once only: the same plan looks the same each time.
        """
        self.bring(edited(self.PLAN, edits))
        made = tuple(e.name for e in edits)
        if made not in self.seen:
            self.seen[made] = self.look()
        return self.seen[made]

    def edits(self) -> list[Edit]:
        """Return what can be made different, one thing at a time."""
        raise NotImplementedError

    def tables(self, table: str) -> KeySchema | None:
        """No tables."""
        return None

    def named(self, text: str) -> str:
        """Return a text with what is random replaced."""
        for value, symbol in self.symbols.items():
            text = text.replace(value, symbol)
        return UUID.sub("UUID", text)


ONE, TWO = "rows-one", "rows-two"


def s3(bucket: str, key: str, part: Part = Part.CONTENT) -> Cell:
    """Return a cell of a bucket."""
    return Cell(f"arn:aws:s3:::{bucket}", key, part)


class Buckets(World):
    """Two buckets and four objects: (bucket, key) → (body, metadata, tags)."""

    PLAN: ClassVar[Plan] = {
        (ONE, "src"): ("source", "plain", ""),
        (ONE, "dst"): ("target", "plain", "t=0"),
        (ONE, "docs/a"): ("a", "plain", ""),
        (TWO, "far"): ("far", "plain", ""),
    }
    latest: ClassVar[list[World]] = []
    """Whoever brought something there last: another world of the same buckets leaves what it needs itself."""
    upload = ""

    def put_up(self) -> None:
        for bucket in (ONE, TWO):
            if bucket not in {b["Name"] for b in self.client.list_buckets()["Buckets"]}:
                self.client.create_bucket(Bucket=bucket)
        self.look()

    def bring(self, plan: Plan) -> None:
        if self.latest != [self]:
            self.look()
            self.latest[:] = [self]
        for bucket, key in self.there.keys() - plan.keys():
            self.client.delete_object(Bucket=bucket, Key=key)
        for (bucket, key), held in plan.items():
            if self.there.get((bucket, key)) != held:
                self.client.put_object(
                    Bucket=bucket, Key=key, Body=held[0].encode(), Metadata={"kind": held[1]}, Tagging=held[2]
                )
        self.there = dict(plan)

    def look(self) -> State:
        found: State = {}
        self.there: Plan = {}
        for bucket in (ONE, TWO):
            for listed in self.client.list_objects_v2(Bucket=bucket).get("Contents", []):
                at = {"Bucket": bucket, "Key": listed["Key"]}
                reply = self.client.get_object(**at)
                tags = self.client.get_object_tagging(**at)["TagSet"] if reply.get("TagCount") else []
                held = (
                    reply["Body"].read().decode(),
                    reply["Metadata"].get("kind"),
                    "&".join(f"{t['Key']}={t['Value']}" for t in tags),
                )
                self.there[bucket, listed["Key"]] = held
                found[s3(bucket, listed["Key"])] = held
                found[s3(bucket, listed["Key"], Part.NAMES)] = True
        return found

    def edits(self) -> list[Edit]:
        found = []
        for at in self.PLAN.keys() - {"parts"}:
            other = (f"{self.PLAN[at][0][:-1]}?", "other", "t=1")
            found.append(
                Edit(f"content of {at[1]}", (s3(*at),), lambda plan, at=at, to=other: plan.update({at: to}))
            )
            found.append(
                Edit(f"{at[1]} gone", (s3(*at, Part.NAMES),), lambda plan, at=at: plan.pop(at), "goes")
            )
        for key in ("docs/new", "z/new", "up"):
            found.append(
                Edit(
                    f"{key} come",
                    (s3(ONE, key, Part.NAMES),),
                    lambda plan, key=key: plan.update({(ONE, key): ("n", "plain", "")}),
                    "comes",
                )
            )
        return found


class Uploads(Buckets):
    """An object and an upload of one part under way: part number → body."""

    PLAN: ClassVar[Plan] = {(TWO, "far"): ("far", "plain", ""), "parts": {1: "part"}}

    def bring(self, plan: Plan) -> None:
        super().bring({at: held for at, held in plan.items() if at != "parts"})
        for old in self.client.list_multipart_uploads(Bucket=ONE).get("Uploads", []):
            self.client.abort_multipart_upload(Bucket=ONE, Key=old["Key"], UploadId=old["UploadId"])
        at = {"Bucket": ONE, "Key": "up"}
        self.upload = self.client.create_multipart_upload(**at)["UploadId"]
        self.symbols = {self.upload: "UPLOAD"}
        if "parts" not in plan:
            self.client.abort_multipart_upload(**at, UploadId=self.upload)
        for number, body in plan.get("parts", {}).items():
            self.client.upload_part(**at, UploadId=self.upload, PartNumber=number, Body=body.encode())

    def look(self) -> State:
        found = super().look()
        for upload in self.client.list_multipart_uploads(Bucket=ONE).get("Uploads", []):
            mine = upload["UploadId"] == self.upload
            name = f"{upload['Key']}\0" + ("UPLOAD\0" if mine else "")
            found[s3(ONE, name, Part.NAMES)] = True
            at = {"Bucket": ONE, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            for part in self.client.list_parts(**at).get("Parts", []):
                found[s3(ONE, f"{name}{part['PartNumber']}")] = part["ETag"]
        return found

    def edits(self) -> list[Edit]:
        part, name = s3(ONE, "up\0UPLOAD\0001"), s3(ONE, "up\0UPLOAD\0", Part.NAMES)
        return [
            *super().edits(),
            Edit("content of the part", (part,), lambda plan: plan.update(parts={1: "trap"})),
            Edit("upload gone", (name,), lambda plan: plan.pop("parts"), "goes"),
        ]


class Queues(World):
    """A queue with two messages, one of them in flight: body → what it is to be."""

    NAME = "rows-queue"
    PLAN: ClassVar[Plan] = {"held": "held", "other": "other"}
    handle = ""
    url = ""
    kept: dict[str, str]
    sent = 0

    def extra(self, body: str) -> dict[str, str]:
        """Return what a FIFO queue asks for beside the body."""
        return {}

    def bring(self, plan: Plan) -> None:
        if self.url:
            self.client.delete_queue(QueueUrl=self.url)
        fifo = {"FifoQueue": "true"} if self.NAME.endswith(".fifo") else {}
        self.url = self.client.create_queue(QueueName=self.NAME, Attributes=fifo)["QueueUrl"]
        self.symbols, self.kept = {}, {}
        self.sent = len(plan)
        for slot, body in plan.items():
            self.kept[f"ID-{slot}"] = body
            sent = self.client.send_message(QueueUrl=self.url, MessageBody=body, **self.extra(body))
            self.symbols[sent["MessageId"]] = f"ID-{slot}"
            if slot == "held":
                self.handle = self.client.receive_message(QueueUrl=self.url)["Messages"][0]["ReceiptHandle"]
                self.symbols[self.handle] = "HANDLE"

    def look(self) -> State:
        arn = PLACE.arn("sqs", self.NAME)
        figures = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        visible, hidden = (int(figures[f"ApproximateNumberOfMessages{n}"]) for n in ("", "NotVisible"))
        # Why counted: a message in flight does not show, so what is there is told by how many there are.
        found: State = {
            Cell(arn, "", Part.COUNTS): (visible, hidden),
            Cell(arn, "", Part.NAMES): min(0, visible + hidden - self.sent),
        }
        found |= {Cell(arn, f"NEW-{n}", Part.NAMES): True for n in range(visible + hidden - self.sent)}
        seen = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        shown = {
            self.symbols.get(m["MessageId"], f"NEW-{m['Body']}"): m["Body"] for m in seen.get("Messages", [])
        }
        # Why what does not show is taken to be as it was: it is in flight, or gone, and that shows in the
        # figures.
        return found | {Cell(arn, name): body for name, body in (self.kept | shown).items()}

    def start(self, edits: Sequence[Edit]) -> State:
        # Why each time: to look is to receive, and that counts.
        self.seen.clear()
        return super().start(edits)

    def edits(self) -> list[Edit]:
        arn = PLACE.arn("sqs", self.NAME)
        names = (Cell(arn, "", Part.NAMES), Cell(arn, "", Part.COUNTS))
        return [
            Edit("content of a message", (Cell(arn, "ID-other"),), lambda plan: plan.update(other="othe?")),
            Edit("a message gone", names, lambda plan: plan.pop("other"), "goes"),
            Edit("the message in flight gone", names, lambda plan: plan.pop("held"), "goes"),
            Edit("a message more", names, lambda plan: plan.update(extra="extra"), "comes"),
        ]


class Fifo(Queues):
    """The same, first in, first out; a message's body is its deduplication id."""

    NAME = "rows-queue.fifo"

    def extra(self, body: str) -> dict[str, str]:
        return {"MessageGroupId": body, "MessageDeduplicationId": body}


TABLE, PLAIN = "rows_table", "rows_plain"
ARNS = {name: PLACE.arn("dynamodb", f"table/{name}") for name in (TABLE, PLAIN)}
SCHEMAS = {
    ARNS[TABLE]: KeySchema(("pk", "S"), ("sk", "N"), {"by-a": ("a", "pk"), "by-b": ("pk", "b")}),
    ARNS[PLAIN]: KeySchema(("id", "S")),
}
Item = dict[str, dict[str, Any]]
KEYS = {"pk", "sk", "id"}
OTHER = {
    "a": {"S": "zz"},
    "b": {"S": "zz"},
    "n": {"N": "7"},
    "m": {"M": {"x": {"S": "zz"}}},
    "l": {"L": [{"S": "z"}]},
}


def item(pk: str, sk: str, letter: str) -> Item:
    """Return an item of `TABLE`."""
    return {
        "pk": {"S": pk},
        "sk": {"N": sk},
        "a": {"S": f"a{letter}"},
        "b": {"S": f"b{letter}"},
        "n": {"N": "5"},
        "m": {"M": {"x": {"S": f"x{letter}"}}},
        "l": {"L": [{"S": letter}]},
        "pad": {"S": "."},
    }


class Tables(World):
    """A table with a sort key and two indexes, and one without: (table, item's name) → item."""

    PLAN: ClassVar[Plan] = {
        (TABLE, "p/1"): item("p", "1", "1"),
        (TABLE, "p/2"): item("p", "2", "2"),
        (TABLE, "q/1"): item("q", "1", "3"),
        (PLAIN, "k"): {"id": {"S": "k"}, "a": {"S": "a4"}, "pad": {"S": "."}},
    }

    def put_up(self) -> None:
        keys = [
            {"AttributeName": n, "AttributeType": t}
            for n, t in (("pk", "S"), ("sk", "N"), ("a", "S"), ("b", "S"))
        ]
        self.client.create_table(
            TableName=TABLE,
            AttributeDefinitions=keys,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_keys("pk", "sk"),
            GlobalSecondaryIndexes=[_index("by-a", "a", "pk")],
            LocalSecondaryIndexes=[_index("by-b", "pk", "b")],
        )
        self.client.create_table(
            TableName=PLAIN,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_keys("id"),
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        self.there: Plan = {}

    def tables(self, table: str) -> KeySchema | None:
        return SCHEMAS.get(table)

    def bring(self, plan: Plan) -> None:
        for table, name in self.there.keys() - plan.keys():
            held = self.there[table, name]
            self.client.delete_item(TableName=table, Key={k: held[k] for k in KEYS & held.keys()})
        for at, held in plan.items():
            if self.there.get(at) != held:
                self.client.put_item(TableName=at[0], Item=held)
        self.there = dict(plan)

    def look(self) -> State:
        self.there = {
            (table, _name(found)): found
            for table in (TABLE, PLAIN)
            for found in self.client.scan(TableName=table)["Items"]
        }
        found: State = {}
        for (table, name), held in self.there.items():
            found[Cell(ARNS[table], name, Part.NAMES)] = True
            found[Cell(ARNS[table], name, Part.COUNTS)] = len(str(held))
            for attribute in held.keys() - KEYS:
                found[Cell(ARNS[table], name, Part.CONTENT, attribute)] = held[attribute]
        return found

    def edits(self) -> list[Edit]:
        found = []
        for at, held in self.PLAN.items():
            arn, name = ARNS[at[0]], at[1]
            for attribute in sorted(OTHER.keys() & held.keys()):
                found.append(
                    Edit(
                        f"{name}.{attribute}",
                        (Cell(arn, name, Part.CONTENT, attribute),),
                        _set(at, attribute),
                    )
                )
            found.append(
                Edit(
                    f"{name} larger",
                    (Cell(arn, name, Part.COUNTS), Cell(arn, name, Part.CONTENT, "pad")),
                    lambda plan, at=at: plan.update({at: {**plan[at], "pad": {"S": "." * 400}}}),
                )
            )
            found.append(
                Edit(
                    f"{name} gone",
                    (Cell(arn, name, Part.NAMES), Cell(arn, name, Part.COUNTS)),
                    lambda plan, at=at: plan.pop(at),
                    "goes",
                )
            )
        for pk, sk in (("p", "3"), ("r", "1")):
            name = f"{pk}/{sk}"
            found.append(
                Edit(
                    f"{name} come",
                    (Cell(ARNS[TABLE], name, Part.NAMES), Cell(ARNS[TABLE], name, Part.COUNTS)),
                    lambda plan, n=name, p=pk, s=sk: plan.update({(TABLE, n): item(p, s, "9")}),
                    "comes",
                )
            )
        return found


def _name(held: Item) -> str:
    return held["id"]["S"] if "id" in held else f"{held['pk']['S']}/{held['sk']['N']}"


def _set(at: tuple[str, str], attribute: str) -> Callable[[Plan], Any]:
    return lambda plan: plan.update({at: {**plan[at], attribute: OTHER[attribute]}})


def _keys(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": n, "KeyType": kind} for n, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def _index(name: str, *keys: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _keys(*keys), "Projection": {"ProjectionType": "ALL"}}


def edited(plan: Plan, edits: Iterable[Edit]) -> Plan:
    """Return the plan with all of `edits` made."""
    changed = dict(plan)
    for edit in edits:
        edit.do(changed)
    return changed


WORLDS = {"objects": Buckets, "uploads": Uploads, "queue": Queues, "fifo": Fifo, "items": Tables}
