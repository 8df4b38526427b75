"""A small cloud: buckets, uploads, queues with their dead letters, tables with conditions, a topic; and for
every other operation the most telling service that its row still allows.

Knows what a service keeps and answers. Does not know labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.noninterference.tables import Tables
from tests.noninterference.worlds import BUCKETS, QUEUES, SCHEMAS, digest
from valve_aws.aws.replies import read_cells, single
from valve_aws.model.call import Call
from valve_aws.model.cell import Cell, Extent, Part, Span
from valve_aws.model.ports import Outcome
from valve_aws.model.stack import Stack


class Token(str):
    """An id that the service thought up: to those who get it only a thing to give back."""

    __slots__ = ()


@dataclass
class Answered:
    """A reply: what the function sees, and what settles the call."""

    shown: Any
    outcome: Outcome = Outcome.DONE
    versions: Mapping[Cell, str] = field(default_factory=dict)
    created: tuple[Cell, ...] = ()
    removed: tuple[Cell, ...] = ()
    seen: Mapping[Cell, str] = field(default_factory=dict)


def fails(code: str, *more: Any) -> Answered:
    """Return an error of the service: nothing was changed."""
    return Answered(("error", code, *more), Outcome.FAILED)


@dataclass
class Message:
    """One message."""

    ident: str
    body: str
    group: str = ""
    handle: str = ""
    received: int = 0
    hidden: bool = False


class Cloud:
    """One account's state. `orders` gives numbers for ids."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.objects: dict[str, dict[str, dict[str, str]]] = {b: {} for b in BUCKETS}
        self.uploads: dict[str, dict[tuple[str, str], dict[str, str]]] = {b: {} for b in BUCKETS}
        self.queues: dict[str, list[Message]] = {q: [] for q in QUEUES}
        self.sent: dict[str, dict[str, str]] = {q: {} for q in QUEUES}
        self.tables = Tables(SCHEMAS)
        self.others: dict[tuple[str, Part, str], str] = {}
        self.heard: list[tuple[str, str]] = []
        """What went to somebody outside by a delivery: (place, content)."""
        self.count = 0

    def fresh(self, kind: str) -> Token:
        """Return an id that nobody has seen."""
        self.count += 1
        return Token(f"{kind}~{self.count}")

    # What any call does

    def answer(self, call: Call) -> Answered:
        """Carry a call out."""
        words = WORDS.get((call.service, call.operation))
        if call.service == "dynamodb" and call.operation in self.tables.WORDS:
            shown, failed = self.tables.answer(call.operation, call.params)
            done = Answered(shown, Outcome.FAILED if failed else Outcome.DONE)
            if call.operation == "DeleteItem" and not failed:
                done.removed = single(call)
        elif words is not None:
            done = words(self, call)
        else:
            done = self._generic(call)
        done.shown = (done.shown, [self._extra(e) for e in call.effect.reveals])
        return done

    def _generic(self, call: Call) -> Answered:
        """Do the most that the row allows: show all that it reveals, write all that was looked at."""
        effect = call.effect
        looked = [self.look(e) for e in (*effect.reveals, *effect.consults)]
        shown = [self.look(e) for e in effect.reveals]
        if not effect.blind:
            shown += [self.look(e) for e in effect.changes]
        mark = digest(call.operation, sorted(map(str, call.params.items())), looked)
        for extent in effect.changes:
            self._mark(extent, mark)
            if extent.part is Part.CONTENT:
                self.hand_on(extent.store, mark)
        for target in effect.delivers:
            self.put(target, mark)
        return Answered(shown)

    def look(self, extent: Extent) -> Any:
        """Return everything in an extent."""
        found = [self._extra(extent)]
        store, part = extent.store, extent.part
        if store in self.objects:
            held = {k: sorted(v.items()) for k, v in self.objects[store].items() if _in(extent, k)}
            found.append(sorted(held.items()) if part is Part.CONTENT else sorted(held))
        elif store in self.queues and extent.span is not Span.ONE and part is not Part.CONFIG:
            # Why not how it is set up: a queue's settings tell nothing of the messages that wait there.
            found.append([m.body if part is Part.CONTENT else m.hidden for m in self.queues[store]])
        elif store in self.tables.items:
            held = {k: sorted(v.items()) for k, v in self.tables.items[store].items() if _in(extent, k)}
            shown = {Part.NAMES: sorted(held), Part.COUNTS: sum(len(str(v)) for v in held.values())}
            found.append(shown.get(part, sorted(held.items()) if part is Part.CONTENT else None))
        return found

    def _extra(self, extent: Extent) -> list[tuple[str, str]]:
        if not self.others:
            return []
        return sorted(
            (name, value)
            for (store, part, name), value in self.others.items()
            if store == extent.store
            and part is extent.part
            and (_in(extent, name) or extent.span is Span.ALL)
        )

    def _mark(self, extent: Extent, mark: str) -> None:
        at = (extent.store, extent.part)
        if extent.span is Span.ONE:
            self.others[(*at, extent.name)] = mark
        elif extent.span is Span.NEW:
            self.others[(*at, f"new {mark}")] = mark
        else:
            for key in [k for k in self.others if k[:2] == at and _in(extent, k[2])]:
                self.others[key] = digest(mark, self.others[key])

    # Deliveries

    def hand_on(self, source: str, content: str) -> None:
        """Put content where the stack's wiring takes it; dead letters go by their own way."""
        for edge in self.stack.deliveries:
            if edge.source == source and source not in self.queues:
                self.put(edge.target, digest("from", source, content))

    def put(self, target: str, content: str) -> None:
        """Deliver."""
        if target in self.queues:
            self.queues[target].append(Message(self.fresh("m"), content))
        elif not target.startswith("arn:"):
            self.heard.append((target, content))
        else:
            self._mark(Extent(target, Part.CONTENT, Span.NEW), content)

    # S3

    def _object(self, p: Mapping[str, Any]) -> tuple[str, str]:
        return f"arn:aws:s3:::{p['Bucket']}", str(p.get("Key", ""))

    def get_object(self, call: Call) -> Answered:
        bucket, key = self._object(call.params)
        held = self.objects[bucket].get(key)
        if held is None:
            return fails("NoSuchKey")
        etag = digest(held["body"])
        if call.params.get("IfNoneMatch") == etag:
            return Answered("304")
        shown: Any = (sorted(held.items()), etag) if call.operation != "HeadObject" else (len(held), etag)
        return Answered(shown, seen=dict.fromkeys(read_cells(call), etag))

    def list_objects(self, call: Call) -> Answered:
        bucket, _ = self._object(call.params)
        under = str(call.params.get("Prefix") or "")
        found = [
            (k, digest(v["body"])) for k, v in sorted(self.objects[bucket].items()) if k.startswith(under)
        ]
        return Answered((len(found), found[: call.params.get("MaxKeys") or None]))

    def put_object(self, call: Call, body: str = "") -> Answered:
        bucket, key = self._object(call.params)
        held = self.objects[bucket].get(key)
        wanted = call.params.get("IfMatch")
        if (call.params.get("IfNoneMatch") and held is not None) or (
            wanted and (held is None or digest(held["body"]) != wanted)
        ):
            return fails("PreconditionFailed")
        content = body or str(call.params.get("Body", ""))
        self.objects[bucket][key] = {"body": content}
        self.hand_on(bucket, digest(key, content))
        return Answered(digest(content), versions=dict.fromkeys(single(call), digest(content)))

    def _source(self, p: Mapping[str, Any]) -> dict[str, str] | None:
        bucket, _, key = str(p["CopySource"]).partition("/")
        return self.objects[f"arn:aws:s3:::{bucket}"].get(key)

    def copy_object(self, call: Call) -> Answered:
        source = self._source(call.params)
        return fails("NoSuchKey") if source is None else self.put_object(call, source["body"])

    def delete_object(self, call: Call) -> Answered:
        bucket, key = self._object(call.params)
        held = self.objects[bucket].get(key)
        wanted = call.params.get("IfMatch")
        if wanted and (held is None or digest(held["body"]) != wanted):
            return fails("PreconditionFailed")
        self.objects[bucket].pop(key, None)
        self.hand_on(bucket, digest(key, "gone"))
        return Answered("204", removed=single(call))

    def delete_objects(self, call: Call) -> Answered:
        bucket, _ = self._object(call.params)
        named = [o["Key"] for o in call.params["Delete"]["Objects"]]
        for key in named:
            self.objects[bucket].pop(key, None)
            self.hand_on(bucket, digest(key, "gone"))
        return Answered(named, removed=single(call))

    def put_tags(self, call: Call) -> Answered:
        bucket, key = self._object(call.params)
        held = self.objects[bucket].get(key)
        if held is None:
            return fails("NoSuchKey")
        held["tags"] = str(call.params.get("Tagging", ""))
        return Answered("200")

    def begin_upload(self, call: Call) -> Answered:
        bucket, key = self._object(call.params)
        ident = self.fresh("u")
        self.uploads[bucket][key, ident] = {"begun": str(call.params.get("Metadata", ""))}
        return Answered(ident)

    def _upload(self, p: Mapping[str, Any]) -> dict[str, str] | None:
        bucket, key = self._object(p)
        return self.uploads[bucket].get((key, str(p["UploadId"])))

    def upload_part(self, call: Call) -> Answered:
        upload = self._upload(call.params)
        if upload is None:
            return fails("NoSuchUpload")
        content = str(call.params.get("Body", ""))
        if "CopySource" in call.params:
            source = self._source(call.params)
            if source is None:
                return fails("NoSuchKey")
            content = source["body"]
        upload[str(call.params["PartNumber"])] = content
        return Answered(digest(content))

    def list_parts(self, call: Call) -> Answered:
        upload = self._upload(call.params)
        return fails("NoSuchUpload") if upload is None else Answered(sorted(upload.items()))

    def list_uploads(self, call: Call) -> Answered:
        bucket, _ = self._object(call.params)
        under = str(call.params.get("Prefix") or "")
        return Answered([(key, Token(ident)) for key, ident in self.uploads[bucket] if key.startswith(under)])

    def complete(self, call: Call) -> Answered:
        upload = self._upload(call.params)
        if upload is None:
            return fails("NoSuchUpload")
        done = self.put_object(call, digest("whole", sorted(upload.items())))
        if done.outcome is Outcome.DONE:
            bucket, key = self._object(call.params)
            del self.uploads[bucket][key, str(call.params["UploadId"])]
            done.versions = {c: v for c, v in done.versions.items() if "\0" not in c.name}
        return done

    def abort(self, call: Call) -> Answered:
        bucket, key = self._object(call.params)
        gone = self.uploads[bucket].pop((key, str(call.params["UploadId"])), None)
        return fails("NoSuchUpload") if gone is None else Answered("204")

    # SQS

    def queue_of(self, p: Mapping[str, Any]) -> str:
        """Return the queue of a request."""
        return next(q for q in QUEUES if str(p["QueueUrl"]).endswith("/" + q.rpartition(":")[2]))

    def send(self, call: Call) -> Answered:
        queue = self.queue_of(call.params)
        entries = call.params.get("Entries") or [call.params]
        idents = []
        for entry in entries:
            once = entry.get("MessageDeduplicationId")
            ident = self.sent[queue].get(once) if once else None
            if ident is None:
                ident = self.fresh("m")
                self.queues[queue].append(
                    Message(ident, entry["MessageBody"], entry.get("MessageGroupId", ""))
                )
                if once:
                    self.sent[queue][once] = ident
            idents.append(Token(ident))
        created = tuple(Cell(queue, ident, part) for ident in idents for part in (Part.CONTENT,))
        return Answered(idents, created=created)

    def receive(self, queue: str, most: int) -> list[Message]:
        """Receive; what was received too often goes to the dead letters, as the queue says."""
        owner = self.stack.store(queue)
        redrive = getattr(owner, "properties", {}).get("RedrivePolicy") or {}
        found: list[Message] = []
        for message in list(self.queues[queue]):
            if message.hidden or len(found) >= most:
                continue
            if redrive and message.received >= redrive["maxReceiveCount"]:
                self.queues[queue].remove(message)
                self.queues[redrive["deadLetterTargetArn"]].append(Message(message.ident, message.body))
                continue
            message.received, message.hidden = message.received + 1, True
            message.handle = self.fresh("h")
            found.append(message)
        return found

    def receive_message(self, call: Call) -> Answered:
        found = self.receive(self.queue_of(call.params), call.params.get("MaxNumberOfMessages", 1))
        return Answered([(m.body, m.received, Token(m.ident), Token(m.handle)) for m in found])

    def _held(self, p: Mapping[str, Any]) -> Message | None:
        return next((m for m in self.queues[self.queue_of(p)] if m.handle == p["ReceiptHandle"]), None)

    def delete_message(self, call: Call) -> Answered:
        held = self._held(call.params)
        if held is None:
            return fails("ReceiptHandleIsInvalid")
        self.queues[self.queue_of(call.params)].remove(held)
        return Answered("200")

    def show_again(self, call: Call) -> Answered:
        held = self._held(call.params)
        if held is None:
            return fails("MessageNotInflight")
        held.hidden = False
        return Answered("200")

    def purge(self, call: Call) -> Answered:
        self.queues[self.queue_of(call.params)].clear()
        return Answered("200")

    def figures(self, call: Call) -> Answered:
        held = self.queues[self.queue_of(call.params)]
        return Answered((len(held), sum(m.hidden for m in held)))

    def publish(self, call: Call) -> Answered:
        self.hand_on(call.resources[0], digest(call.params.get("Message"), call.params.get("Subject")))
        return Answered(self.fresh("n"))


def _in(extent: Extent, name: str) -> bool:
    if extent.span is Span.ONE:
        return name == extent.name
    return name.startswith(extent.name) if extent.span is Span.PREFIX else extent.span is Span.ALL


Do = Callable[[Cloud, Call], Answered]


def _all(service: str, do: Do, operations: str) -> Iterable[tuple[tuple[str, str], Do]]:
    return [((service, operation), do) for operation in operations.split()]


WORDS: dict[tuple[str, str], Do] = dict(
    [
        *_all("s3", Cloud.get_object, "GetObject HeadObject GetObjectTagging"),
        *_all("s3", Cloud.list_objects, "ListObjects ListObjectsV2"),
        *_all("s3", Cloud.put_object, "PutObject"),
        *_all("s3", Cloud.copy_object, "CopyObject"),
        *_all("s3", Cloud.delete_object, "DeleteObject"),
        *_all("s3", Cloud.delete_objects, "DeleteObjects"),
        *_all("s3", Cloud.put_tags, "PutObjectTagging DeleteObjectTagging"),
        *_all("s3", Cloud.begin_upload, "CreateMultipartUpload"),
        *_all("s3", Cloud.upload_part, "UploadPart UploadPartCopy"),
        *_all("s3", Cloud.list_parts, "ListParts"),
        *_all("s3", Cloud.list_uploads, "ListMultipartUploads"),
        *_all("s3", Cloud.complete, "CompleteMultipartUpload"),
        *_all("s3", Cloud.abort, "AbortMultipartUpload"),
        *_all("sqs", Cloud.send, "SendMessage SendMessageBatch"),
        *_all("sqs", Cloud.receive_message, "ReceiveMessage"),
        *_all("sqs", Cloud.delete_message, "DeleteMessage"),
        *_all("sqs", Cloud.show_again, "ChangeMessageVisibility"),
        *_all("sqs", Cloud.purge, "PurgeQueue"),
        *_all("sqs", Cloud.figures, "GetQueueAttributes"),
        *_all("sns", Cloud.publish, "Publish"),
    ]
)
"""What is done as the service does it; everything else is done as its row allows."""
