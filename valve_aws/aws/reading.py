"""A request of any AWS protocol to a call, step by step: plan, body, signature, parameters, effect.

Knows the order in which a request is understood and where reading gives up. Does not know any one protocol.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from valve_aws.aws import bounds, cbor, documents, forms, given, leaving, rest, signing
from valve_aws.aws.credentials import NOT_ISSUED, UNSIGNED, V2_FORM, from_form
from valve_aws.aws.crossing import AwsCall, Stream
from valve_aws.aws.files import ModelMissing
from valve_aws.aws.names import NotCanonical, Place
from valve_aws.aws.overlays import RENAMED
from valve_aws.aws.plan import FORM, TRANSPORT, Match, Plan, Planner
from valve_aws.aws.postform import LIMIT as FORM_LIMIT
from valve_aws.aws.postform import is_form
from valve_aws.aws.shapes import Operation, Service
from valve_aws.aws.streams import stream_of, verify_digests
from valve_aws.aws.unclear import Declined, Unclear
from valve_aws.model.call import Effect, Evidence, Head, Key, Unreadable
from valve_aws.model.ports import Now, Tables

if TYPE_CHECKING:
    from valve_aws.aws.effects import Judged

MIB = 1 << 20

LIMITS = {"dynamodb": 17 * MIB, "sqs": 8 * MIB, "s3": 4 * MIB, "lambda": 7 * MIB, "kinesis": 16 * MIB}
"""Bytes of a body by service. DynamoDB: 16 MB a BatchWriteItem; SQS: 1 MiB of messages, six times that when
JSON escapes it; S3: 10,000 parts of XML; Lambda: 6 MB of payload (each service's quotas page)."""
LIMIT = 12 * MIB


Judge = Callable[[str, str, Mapping[str, Any], Place, Tables], "Judged | None"]
"""What works out a call's effect: `effects.effect`."""


class Reading:
    """Reads requests of one stack."""

    def __init__(self, account: str, planner: Planner, tables: Tables, now: Now, judge: Judge | None,
                 secrets: frozenset[str] = frozenset()) -> None:
        self._judge = judge
        self.seen: leaving.Seen = lambda *_: ("", ())
        self.post: leaving.Post | None = None
        self.account = account
        self.planner = planner
        self.tables = tables
        self.secrets = secrets
        self.now = now
        self.place = lru_cache(maxsize=64)(Place)
        self._last: tuple[Head, Plan] | None = None

    def plan(self, head: Head) -> Plan:
        """Return a head's plan; the last one is kept, since a head is peeked at and then read."""
        if self._last is None or self._last[0] is not head:
            self._last = (head, self.planner.plan(head))
        return self._last[1]

    def peek(self, head: Head) -> int:
        """Return how many bytes of body to read first: the length, or at most the limit when no length is
        given."""
        try:
            plan = self.plan(head)
        except Exception:  # Why: `read` says what is wrong with it
            return 0
        if len(plan.matches) == 1 and (found := plan.matches[0].operation) and found.streaming:
            return 0
        length = head.header("content-length")
        limit = min([limit_of(m.service) for m in plan.matches], default=0)
        if not limit and is_form(head):
            limit = FORM_LIMIT
        if head.header("transfer-encoding") is not None:
            return limit
        return min(int(length), limit) if length and length.isdecimal() and len(length) < 16 else 0

    def read(
        self, head: Head, body: bytes | None, key: Key, evidence: Evidence = Evidence()
    ) -> AwsCall | Unreadable:
        """Return the call, or why there is none. Never raises."""
        match: Match | None = None
        answer = ("", "")
        try:
            if self.post is not None and is_form(head):
                return replace(self.post(head, body, key), evidence=evidence)
            plan = self.plan(head)
            match = self.one(plan, head, body)
            return self.call(plan, match, head, body, key, evidence)
        except Declined as declined:
            problem, answer = str(declined), (declined.code, declined.text)
        except (Unclear, NotCanonical) as unclear:
            problem = str(unclear)
        except ModelMissing as missing:
            problem = str(missing)
        except Exception as fault:  # Why: law 7; what goes wrong here ends in a refusal, never in a passage
            problem = f"it cannot be read with certainty ({type(fault).__name__})"
        named = match.operation.name if match and match.operation else ""
        return Unreadable(problem, match.service.name if match else "", named, answer)

    def given(self, service: str, operation: str, params: Mapping[str, Any], place: Place, protocol: str,
              foreign: str, evidence: Evidence) -> AwsCall | Unreadable:
        """Return the call that a program asks of its SDK, or why there is none. Never raises."""
        try:
            spoken = self.planner.directory.service(service)
            known = spoken.operations.get(RENAMED.get(operation, operation))
            if known is None:
                raise Unclear(f"{service} has no operation `{operation}` that is known here")
            typed = given.parameters(known, params)
            bounds.declined(service, known.name, typed)
            return self.made(service, known.name, typed, place, protocol, "", foreign, evidence=evidence)
        except Declined as declined:
            return Unreadable(str(declined), service, operation, (declined.code, declined.text))
        except (Unclear, NotCanonical, ModelMissing) as unclear:
            return Unreadable(str(unclear), service, operation)
        except Exception as fault:  # Why: as in `read` (law 7)
            problem = f"it cannot be read with certainty ({type(fault).__name__})"
            return Unreadable(problem, service, operation)

    def one(self, plan: Plan, head: Head, body: bytes | None) -> Match:
        """Return the one operation that head and body name; raises `Unclear`."""
        found = []
        for match in plan.matches:
            if match.operation is not None:
                found.append(match)
            elif (named := form_operation(plan, match, head, body)) is not None:
                found.append(named)
        if len(found) > 1:
            named_all = ", ".join(f"{m.service.name}:{m.operation.name}" for m in found if m.operation)
            raise Unclear(f"it could be any of {named_all}")
        if not found:
            raise Unclear(f"no operation that is known here fits {described(plan, head)}")
        return found[0]

    def call(
        self, plan: Plan, match: Match, head: Head, body: bytes | None, key: Key, evidence: Evidence
    ) -> AwsCall:
        """Return the call that a plan's operation makes; raises `Unclear`, `NotCanonical`."""
        operation = match.operation
        assert operation is not None
        if operation.event_stream:
            raise Unclear(f"{operation.name} is a two-way event stream, which is not read here")
        body = self.checked_body(match, head, body, operation.streaming)
        signed, payload = plan.signed, payload_hash(head, plan, body, operation)
        fields = form_fields(plan, head, body) if match.protocol in {"query", "ec2"} else {}
        if not signed.kind and "AWSAccessKeyId" in fields and "Signature" in fields:
            signed = from_form(fields)
        foreign = self.foreign(plan, signed.key if signed.kind else "", key)
        if signed.kind and signed.key == key.access_key:
            self.check(plan, match, head, key, payload, fields)
        stream = None
        if operation.streaming:
            secret = (
                signing.signing_key(key.secret_key, signed.date, signed.region, signed.service)
                if not foreign
                else b""
            )
            stream = stream_of(head, signed, secret, match.asked.headers if match.asked else {})
        plain = inflated(head, body) if body and match.service.name != "s3" else body
        params = parameters(plan, match, head, plain, fields)
        digested = operation.checksum or operation.wants_digest
        if body is not None and match.asked is not None and match.service.name == "s3" and digested:
            verify_digests(match.asked.headers, body)
        host_prefix(plan, operation, params)
        bounds.declined(match.service.name, operation.name, params)
        call = self.judged(plan, match, params, signed.key, foreign, stream, evidence)
        return self.watched(call, leaving.of(plan, head, plain, fields), params)

    def watched(self, call: AwsCall, text: bytes, params: Mapping[str, Any]) -> AwsCall:
        """Return the call with what of ours leaves with it: credentials and links in its text."""
        held, links = self.seen(text, params)
        return replace(call, held=held, links=links) if held or links else call

    def judged(self, plan: Plan, match: Match, params: dict[str, Any], access_key: str, foreign: str,
               stream: Stream | None, evidence: Evidence = Evidence()) -> AwsCall:
        """Return the call with its effect."""
        assert match.operation is not None
        place = self.place(plan.site.account or self.account, plan.region, plan.site.partition, self.secrets)
        return self.made(match.service.name, match.operation.name, params, place, match.protocol,
                         access_key, foreign, stream, plan.site.account, evidence)

    def made(self, service: str, operation: str, params: dict[str, Any], place: Place, protocol: str,
             access_key: str, foreign: str, stream: Stream | None = None, site_account: str = "",
             evidence: Evidence = Evidence()) -> AwsCall:
        """Return the call that an operation with these typed parameters is; raises `NotCanonical`."""
        if self._judge is None:
            from valve_aws.aws.effects import effect  # Why here: rows are read when first needed

            self._judge = effect
        found = self._judge(service, operation, params, place, self.tables)
        if found is None:
            return AwsCall(
                service, operation, place.region, (), Effect(), params, (), False, access_key, foreign,
                evidence=evidence, protocol=protocol, stream=stream, site_account=site_account,
            )
        return AwsCall(
            service, operation, place.region, found.resources, found.effect, params, found.actions, True,
            access_key, foreign, found.leaves, evidence, protocol=protocol, stream=stream,
            site_account=site_account,
        )

    def foreign(self, plan: Plan, access_key: str, key: Key) -> str:
        """Return why a call leaves the perimeter whatever it does, else ""."""
        if not access_key:
            return UNSIGNED
        if access_key != key.access_key:
            return NOT_ISSUED
        if plan.site.account and plan.site.account != self.account:
            return f"it is sent to the host name of the account `{plan.site.account}`"
        return ""

    def check(
        self, plan: Plan, match: Match, head: Head, key: Key, payload: str, fields: Mapping[str, str]
    ) -> None:
        """Raise `Unclear` unless the signature with our key is right and the session token is the one issued
        with it."""
        signed = plan.signed if plan.signed.kind else from_form(fields)
        if signed.token != key.token:
            raise Unclear("its session token is missing, or is not the one that was issued with its key")
        if signed.kind in {"v4", "v4-query"}:
            signing.check_v4(head, signed, key.secret_key, payload, self.now())
        elif signed.kind == "v2-form":
            signing.check_v2_form(head, signed, key.secret_key, fields or plan.whole_query, self.now())
        elif match.service.name == "s3":
            signing.check_v2_s3(head, signed, key.secret_key, plan.whole_query, plan.site.bucket, self.now())
        else:
            raise Unclear("it is signed with a version that its service does not read")

    def checked_body(self, match: Match, head: Head, body: bytes | None, streamed: bool) -> bytes | None:
        """Return the body as far as it must be held; raises `Unclear` when it is too large or should not be
        there."""
        length = head.header("content-length") or "0"
        if not length.isdecimal() or len(length) > 15:
            raise Unclear("its Content-Length is not a number")
        if streamed:
            return None
        limit = limit_of(match.service)
        if int(length) > limit or (body is not None and len(body) > limit):
            raise Unclear(f"its body is larger than the {limit >> 20} MiB that {match.service.name} takes")
        if int(length) and body is None:
            raise Unclear("its body was not read")
        if head.method in {"GET", "HEAD"} and (
            int(length) or body or head.header("transfer-encoding") is not None
        ):
            raise Unclear(f"it is a {head.method} with a body")
        return body or b""


def described(plan: Plan, head: Head) -> str:
    """Return the parts of a head that operations are told by, for a sentence."""
    names = [f"`{n[:60]}`" for n in [*plan.query, *(n for n, _ in head.headers if n.startswith("x-amz-"))]
             if n not in TRANSPORT]
    return f"`{head.method} {plan.path[:80]}`" + (f" with {', '.join(names[:6])}" if names else "")


def host_prefix(plan: Plan, operation: Operation, params: Mapping[str, Any]) -> None:
    """Raise `Unclear` when the host name has another prefix than the operation and its parameters give it."""
    if not plan.operation_prefix:
        return
    wanted = operation.host_prefix
    for label in operation.host_labels:
        wanted = wanted.replace(f"{{{label}}}", str(params.get(label, "")))
    if wanted.lower() != plan.operation_prefix.lower():
        raise Unclear(
            f"its host name begins with `{plan.operation_prefix}`, which {operation.name} does not have"
        )


def limit_of(service: Service) -> int:
    """Return how large a body may be, in bytes."""
    return LIMITS.get(service.name, LIMIT)


def payload_hash(head: Head, plan: Plan, body: bytes | None, operation: Operation) -> str:
    """Return the body's hash as it enters the signature; raises `Unclear` when the head says another than the
    body has."""
    said = head.header("x-amz-content-sha256")
    if body is None:
        if said is None and plan.signed.kind in {"v4"}:
            raise Unclear("its body is streamed without `x-amz-content-sha256`")
        return said or signing.UNSIGNED_PAYLOAD
    if said is None:
        if plan.signed.kind == "v4-query" and operation.service.name == "s3":
            return signing.UNSIGNED_PAYLOAD
        return sha256(body).hexdigest()
    if said != signing.UNSIGNED_PAYLOAD and said != sha256(body).hexdigest():
        raise Unclear("its body is not the one that was signed")
    return said


def inflated(head: Head, body: bytes) -> bytes:
    """Return a compressed body as it was before, within bounds."""
    coding = (head.header("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        return body
    if coding != "gzip":
        raise Unclear(f"its body is encoded as `{coding[:40]}`, which is not read here")
    inflate = zlib.decompressobj(wbits=31)
    try:
        out = inflate.decompress(body, bounds.INFLATED)
    except zlib.error:
        raise Unclear("its compressed body cannot be read") from None
    if not inflate.eof or inflate.unused_data:
        raise Unclear("its compressed body is too large or not complete")
    return out


def form_fields(plan: Plan, head: Head, body: bytes | None) -> dict[str, str]:
    """Return the fields of a form, from the body or the query string but not from both; raises `Unclear`."""
    if not body:
        return dict(plan.query)
    if plan.query:
        raise Unclear("it has parameters in its query string and in its body")
    kind = (head.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise Unclear(f"its content type `{kind[:60]}` is not a form's")
    try:
        return forms.fields(inflated(head, body).decode("ascii"), "body", plus=True)
    except UnicodeError:
        raise Unclear("its form is not ASCII") from None


def form_operation(plan: Plan, match: Match, head: Head, body: bytes | None) -> Match | None:
    """Return the operation that a form's `Action` and `Version` name in one service; None when it has none
    such."""
    fields = form_fields(plan, head, body)
    service = match.service
    operation = service.operations.get(fields.get("Action", ""))
    version = fields.get("Version")
    if operation is None or (version is not None and version != service.version):
        return None
    return Match(service, operation, match.protocol)


def parameters(
    plan: Plan, match: Match, head: Head, body: bytes | None, fields: Mapping[str, str]
) -> dict[str, Any]:
    """Return an operation's typed parameters; raises `Unclear`."""
    operation = match.operation
    assert operation is not None
    shape = operation.input
    if match.route is not None and match.labels is not None and match.asked is not None:
        return rest.read(match.route, match.labels, match.asked, body, match.protocol == "rest-xml")
    if match.protocol == "json":
        value = documents.parsed(body or b"")
        if shape is None and value:
            raise Unclear("it has parameters, but its operation takes none")
        found: dict[str, Any] = documents.reader(shape)(value) if shape else {}
        return found
    if match.protocol == "smithy-rpc-v2-cbor":
        item = cbor.parsed(body or b"")
        return cbor.read(shape, item) if shape else {}
    return form_parameters(plan, match, head, fields)


CHOOSING = frozenset({"Action", "Version"})
"""Fields of a form that name its operation."""


def form_parameters(plan: Plan, match: Match, head: Head, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return a form's typed parameters; SQS may name its queue by the path."""
    operation = match.operation
    assert operation is not None
    signing_names = CHOOSING | V2_FORM if "AWSAccessKeyId" in fields else CHOOSING
    left = {n: v for n, v in fields.items() if n not in signing_names}
    if plan.path not in {"/", ""}:
        if match.service.name != "sqs" or "QueueUrl" not in operation.members:
            raise Unclear(f"its path `{plan.path[:80]}` means nothing to {match.service.name}")
        queue_path(left, plan.path, head)
    if operation.input is None:
        if left:
            raise Unclear("it has parameters, but its operation takes none")
        return {}
    found: dict[str, Any] = forms.read(operation.input, forms.tree(left), match.protocol == "ec2")
    return found


def queue_path(fields: dict[str, str], path: str, head: Head) -> None:
    """Take the queue from the path of its URL; raises `Unclear` when the form names another."""
    url = fields.get("QueueUrl")
    if url is None:
        fields["QueueUrl"] = f"https://{head.header('host') or head.host}{path}"
    elif url.partition("://")[2].partition("/")[2].rstrip("/") != path.strip("/"):
        raise Unclear("its path names one queue and its QueueUrl another")
