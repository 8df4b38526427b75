"""Law 17: a presigned link leaves only by a rule, signed anew for the backend, pinned, and recorded first.

Knows what functions do with links. Does not know how one is found in a text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.playbook.exchanges import OWN, Heard, carried, head_for, request_of, sdk
from tests.playbook.play import KEEP, PII
from valve_aws.course import commands as ask
from valve_aws.course.drive import drive
from valve_aws.course.links import _maker
from valve_aws.course.release import result
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Effect, Link
from valve_aws.model.cell import Cell
from valve_aws.model.label import CLEAN
from valve_aws.model.ports import BookError
from valve_aws.model.verdict import Mode, Principal, Verdict
from valve_aws.passage.releasing import Releasing
from valve_aws.proxy import Reply

CLIENT = sdk("s3", OWN, "s3v4")
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"

LINES = """
functions:
  Worker:
    may-presign:
      Drop: {operations: [PutObject, GetObject], keys: "t1/*", expires: 60, into: [%s]}
      Keep: {operations: [GetObject], into: [%s]}
"""


class Answering(Heard):
    """A backend that keeps versions, and takes what it is sent."""

    version = "v-1"
    status = 200

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    async def send(
        self, target: Any, method: str, path: str, headers: Any, body: Any = None, length: Any = None
    ) -> Any:
        pieces = [body] if isinstance(body, bytes) else [piece async for piece in body] if body else []
        self.bodies.append(b"".join(pieces))
        self.requests.append((method, path, dict(headers)))
        return Answer(self.status, (("x-amz-version-id", self.version), ("etag", '"e"')))


class Answer(Reply):
    """An answer without a body, of no connection."""

    length = 0

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...]) -> None:
        self.status, self.headers = status, headers

    def close(self) -> None:
        """Nothing is held."""

    async def collect(self, limit: int) -> bytes:
        return b"{}"

    async def stream(self) -> Any:
        for piece in ():
            yield piece


class World:
    """A stage whose Worker may hand out links to some places."""

    def __init__(self, *places: str, mode: Mode = Mode.ENFORCE, lines: str = LINES) -> None:
        self.heard = Answering()
        into = ", ".join(places or ("results",))
        self.stage = self.heard.stage(mode, more=lines and lines % (into, into))
        self.stage.passage.ring.take(OWN, "env", "Worker")
        self.stage.passage.resolve = {("clean.test", 0): ("127.0.0.1", 9)}

    def result(self, value: Any, subject: Subject | None = None) -> tuple[Verdict, Any]:
        """Let a result go; return the verdict and what the caller gets."""
        passage = self.stage.passage
        letter, releasing = passage.aws.opened(json.dumps(value).encode()), Releasing(passage)
        course = result(passage.court, subject or self.stage.subject(), letter.held, letter.links)
        _, verdict = asyncio.run(drive(course, releasing.act))
        return verdict, json.loads(letter.sealed(releasing.anew))

    def call(self, operation: str, **params: Any) -> int:
        service = {"SendMessage": "sqs", "SendEmail": "ses"}[operation]
        return carried(self.stage, self.stage.subject(), *request_of(sdk(service), operation, **params))[0]

    def told(self) -> list[str]:
        refused = [r for r in self.stage.sink.records if r.verdict == "refuse"]
        return [str(reason.rule) for record in refused for reason in record.reasons]

    def released(self) -> list[Mapping[str, Any]]:
        return [r.parameters for r in self.stage.sink.records if r.operation == "Presign"]


def url(verb: str = "put_object", bucket: str = "drop", key: str = "t1/a") -> str:
    made: str = CLIENT.generate_presigned_url(verb, Params={"Bucket": bucket, "Key": key}, ExpiresIn=600)
    return made


def test_without_a_line_a_result_with_a_link_is_held_back() -> None:
    world = World(lines="")
    verdict, _ = world.result({"url": url()})
    assert not verdict.passes
    assert world.told() == ["presigned"]
    assert world.heard.requests == []


def test_with_one_the_link_is_signed_anew_and_recorded_before() -> None:
    world = World()
    verdict, got = world.result({"url": url()})
    assert verdict.passes
    assert got["url"].startswith("http://127.0.0.1:9/drop/t1/a?")
    assert "ASIAVALVE" not in got["url"]
    (released,) = world.released()
    assert (released["operation"], released["key"], released["seconds"]) == ("PutObject", "t1/a", "60")
    assert [r.operation for r in world.stage.sink.records] == ["Result", "Presign"]


def test_a_link_to_read_is_pinned_to_the_version_that_is_there() -> None:
    world = World()
    _, got = world.result({"url": url("get_object")})
    assert "versionId=v-1" in got["url"]
    assert world.released()[0]["version"] == "v-1"
    assert [method for method, _, _ in world.heard.requests] == ["HEAD"]


def test_about_one_that_no_line_lets_go_nobody_is_asked() -> None:
    world = World()
    assert not world.result({"url": url("get_object", key="t2/a")})[0].passes
    assert world.heard.requests == []


def test_what_a_pinned_link_opens_is_what_that_version_carries() -> None:
    world = World()
    world.stage.book.know([(Cell(KEEP, "clean"), CLEAN, "v-1"), (Cell(KEEP, "secret"), PII, "v-1")])
    assert world.result({"url": url("get_object", "keep", "clean")})[0].passes
    assert not world.result({"url": url("get_object", "keep", "secret")})[0].passes
    assert world.told() == ["result"]


def test_where_no_versions_are_kept_it_is_the_most_that_may_ever_be_there() -> None:
    world = World()
    world.heard.version = "null"
    world.stage.book.know([(Cell(KEEP, "clean"), CLEAN, "")])
    assert not world.result({"url": url("get_object", "keep", "clean")})[0].passes
    assert world.told() == ["result"]
    assert world.result({"url": url("get_object")})[0].passes  # Why: Drop accepts nothing


def test_a_labelled_environment_hands_out_no_link_to_write_where_its_label_may_not_go() -> None:
    world = World()
    verdict, _ = world.result({"url": url()}, world.stage.subject(PII))
    assert {str(r.rule) for r in verdict.refused} == {"result", "accepts"}


def test_what_comes_in_by_a_link_is_not_taken_for_clean() -> None:
    lines = LINES.replace("Keep: {operations: [GetObject]", "Keep: {operations: [PutObject]")
    world = World(lines=lines)
    assert world.stage.carries(KEEP, "up") == CLEAN
    assert world.result({"url": url(bucket="keep", key="up")})[0].passes
    assert world.stage.carries(KEEP, "up") == PII


def test_what_comes_in_by_a_form_is_not_taken_for_clean_whatever_its_key() -> None:
    lines = LINES.replace("Keep: {operations: [GetObject]", "Keep: {operations: [PutObject]")
    world = World(lines=lines)
    form = CLIENT.generate_presigned_post("keep", "in/${filename}", ExpiresIn=600)
    verdict, got = world.result({"body": json.dumps(form)})
    assert verdict.passes
    assert json.loads(got["body"])["url"] == "http://127.0.0.1:9/keep"
    assert world.stage.carries(KEEP, "in/anything") == PII


@pytest.mark.parametrize("mode", [Mode.AUDIT, Mode.OFF])
def test_unguarded_it_goes_as_it_is_and_in_audit_that_is_told(mode: Mode) -> None:
    world = World(lines="", mode=mode)
    given = {"url": url()}
    verdict, got = world.result(given)
    assert verdict.passes
    assert got == given
    assert world.told() == (["presigned"] if mode is Mode.AUDIT else [])


def mail(text: str) -> dict[str, Any]:
    body = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": text}}}
    return {"Source": "a@own.test", "Destination": {"ToAddresses": ["b@clean.test"]}, "Message": body}


def test_into_a_mail_it_goes_signed_anew_where_the_line_says_so() -> None:
    world = World("ses:to/b@clean.test")
    assert world.call("SendEmail", **mail(f"see {url()}")) == 200
    assert b"ASIAVALVE" not in world.heard.bodies[-1]
    assert b"127.0.0.1%3A9%2Fdrop%2Ft1%2Fa" in world.heard.bodies[-1]
    assert len(world.released()) == 1


@pytest.mark.parametrize("places", [(), ("Jobs",)])
def test_into_a_mail_that_the_line_does_not_name_it_does_not_go(places: tuple[str, ...]) -> None:
    world = World(*places)
    assert world.call("SendEmail", **mail(f"see {url()}")) == 403
    assert "presigned" in world.told()
    assert world.heard.requests == []


def test_into_a_store_of_the_stack_it_goes_as_it_is_and_only_where_the_line_says_so() -> None:
    world = World("Jobs")
    assert world.call("SendMessage", QueueUrl=QUEUE, MessageBody=url()) == 200
    assert b"ASIAVALVE" in world.heard.bodies[-1]
    assert world.released() == []
    world = World()
    assert world.call("SendMessage", QueueUrl=QUEUE, MessageBody=url()) == 403
    assert world.told() == ["presigned"]
    assert world.heard.requests == []


def test_to_another_host_it_goes_signed_anew_where_the_line_says_so() -> None:
    for places, status in (("http://clean.test/*", 200), ("results", 403)):
        world = World(places)
        body = json.dumps({"url": url()}).encode()
        head = head_for("POST", "http://clean.test/hook", **{"content-length": str(len(body))})
        assert carried(world.stage, world.stage.subject(), head, body)[0] == status
        if status == 200:
            assert json.loads(world.heard.bodies[-1])["url"].startswith("http://127.0.0.1:9/drop/t1/a?")


def test_a_record_that_cannot_be_kept_keeps_the_link_back() -> None:
    world = World()
    noted: list[Any] = []

    def write(record: Any) -> None:
        if record.operation == "Presign":
            raise BookError("the disk is full")
        noted.append(record)

    world.stage.sink.write = write  # type: ignore[method-assign]  # fails in the middle
    verdict, got = world.result({"url": url()})
    assert not verdict.passes
    assert "ASIAVALVE" in got["url"]
    assert noted


def test_in_audit_what_may_go_goes_anew_and_what_may_not_goes_as_it_is() -> None:
    world = World(mode=Mode.AUDIT)
    verdict, got = world.result({"may": url(), "may not": url(key="t2/a")})
    assert verdict.passes
    assert "ASIAVALVE" not in got["may"]
    assert "ASIAVALVE" in got["may not"]
    assert world.told() == ["presigned"]
    assert [released["key"] for released in world.released()] == ["t1/a"]


def test_a_label_that_rises_while_a_link_is_signed_is_judged() -> None:
    world = World()
    subject = world.stage.subject()
    passage = world.stage.passage
    letter, releasing = passage.aws.opened(json.dumps({"url": url()}).encode()), Releasing(passage)

    def act(command: Any) -> Any:
        if isinstance(command, ask.Sign):
            subject.take(PII, ())
        return releasing.act(command)

    course = result(passage.court, subject, letter.held, letter.links)
    _, verdict = asyncio.run(drive(course, act))
    assert not verdict.passes
    assert releasing.anew == {}


def test_what_a_trigger_authenticated_counts_for_links_of_the_same_function_alone() -> None:
    """Or who is handed another function's link would have it released for whoever it is for (law 18)."""
    sender = Principal("env", "Worker", PII, (), "Worker.Api", {"sub": "alice"})
    call = Call("s3", "GetObject", "us-east-1", (KEEP,), Effect())
    own, others = (_maker(Link("a link", name, "env-2", call), sender) for name in ("Worker", "Helper"))
    assert (own.trigger, own.fields, own.label) == ("Worker.Api", {"sub": "alice"}, PII)
    assert (others.function, others.trigger, others.fields, others.label) == ("Helper", "", {}, PII)
