"""A whole valve for cases with events: the Lambda API, the embedded cloud, whatever wakes functions, and a
time that cases move.

Knows the steps of a case and takes away what one has left. Does not know any case.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tests.api.conftest import Town
from tests.conformance.answering import answered, compared, filled, straight, whole
from tests.conformance.comparing import Marks
from tests.triggers.ground import Ground
from valve_aws.backend import Standing

HANDLERS = (Path(__file__).parent / "handlers.py").read_text(encoding="utf-8")
ACCOUNT = "123456789012"

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: echo, Runtime: python3.12, Handler: handlers.echo, CodeUri: src, Timeout: 30}
  Fails:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: fails, Runtime: python3.12, Handler: handlers.fails, CodeUri: src, Timeout: 30}
  Breaks:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: breaks, Runtime: python3.12, Handler: handlers.breaks, CodeUri: src}
  Gives:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: gives, Runtime: python3.12, Handler: handlers.gives, CodeUri: src}
  Reports:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: reports, Runtime: python3.12, Handler: handlers.reports, CodeUri: src}
  Heeds:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: heeds, Runtime: python3.12, Handler: handlers.heeds, CodeUri: src, Timeout: 30}
  Told: {Type: AWS::SQS::Queue, Properties: {QueueName: told}}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: topic, Subscription: [{Protocol: sqs, Endpoint: !GetAtt Told.Arn}]}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bus}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {version: ["0"]}
      Targets: [{Id: heard, Arn: !GetAtt Echo.Arn}]
"""
"""Functions that stay warm from case to case. One whose settings matter is the case's own."""

FILES = {"template.yaml": TEMPLATE, "src/handlers.py": HANDLERS}

FUNCTION = {
    "Runtime": "python3.12",
    "Handler": "handlers.echo",
    "Role": f"arn:aws:iam::{ACCOUNT}:role/any",
    "Code": {"ZipFile": {"$zip": "handlers"}},
    "Timeout": 30,
}
"""What a function of a case has that its line does not say."""


AnyWorld = TypeVar("AnyWorld", bound="World")


class World:
    """One valve for all cases; each gets what it names with its own number in place of `~`.

    A case has `functions`, by name, with what each has beside `FUNCTION`, and `steps`:

    - `{"to": service, "call": operation, "with": parameters}` (`to` is lambda by default), with `expect` and
      `fact` as in `test_cases.py` (`at`: of one member of the answer), `among` for some members alone, or it
      has to succeed; `headers` go along; `as` names it for a later `{"$from": [name, ...]}`
    - `{"let": seconds}`: time passes, and what is due by then is done; nothing is polled before the first
      `let` or `seen`
    - `{"seen": count, "by": function, "expect": events, "fact": name}`: the events that a function has had
      since it was last looked at; `beside` adds what else its handler shows, `only` has that alone, `at`
      takes one member of each, `flat` makes one list of their records, sorted by that member
    - `{"log": name, "expect": lines, "fact": name}`: the tail of the log of an earlier answer, not its report
    """

    code: Mapping[str, Any] = {"handlers": HANDLERS}
    """What packages are made of, by the name that `$zip` gives."""

    own: frozenset[str] = frozenset()
    """Steps that only this world knows."""

    def __init__(self, folder: Path, files: Mapping[str, str] = FILES) -> None:
        """`files` are the application's, by path."""
        self._cloud = Standing()
        self.ground = Ground(folder, files, self._cloud)
        self._number = 0
        self.headers: Mapping[str, str] = {}
        """What goes along with the next call of the Lambda API."""

    def open(self) -> None:
        """Begin."""
        self.ground.__enter__()
        self._api = self.ground.call(self._served())
        self._lambda = Town.client_of("http://localhost", parameter_validation=False)
        straight(self._lambda, self.answer)

    async def _served(self) -> Any:
        """Return the Lambda API."""
        return self.ground.valve.lambda_api()

    def taken(self, play: Play, step: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of a step that only this world knows."""
        raise NotImplementedError

    def close(self) -> None:
        """End."""
        self.ground.__exit__()
        self._cloud.end()

    def answer(self, request: Any) -> Any:
        """Answer a request to the Lambda API, and let what goes on behind the answer end."""
        return self.ground.call(self._answer(request))

    async def _answer(self, request: Any) -> Any:
        told = await self._api.answer(replace(request, headers={**request.headers, **self.headers}))
        while self._api.desk.tasks:
            await asyncio.gather(*self._api.desk.tasks)
        return told

    def client(self, service: str) -> Any:
        """Return the operator's client."""
        return self._lambda if service == "lambda" else self.ground.client(service)

    def play(self, case: Mapping[str, Any], like: Mapping[str, Any]) -> list[str]:
        """Go through a case's steps; return what was another than recorded, with its fact."""
        self._number += 1
        case, like = _numbered(case, str(self._number)), _numbered(like, str(self._number))
        self._before = set(self._api.desk.registry.functions)
        self.ground.lines.clear()
        play = Play(self, case, like)
        try:
            for name, told in case.get("functions", {}).items():
                made = play.filled({**FUNCTION, **told, "FunctionName": name})
                answered(self._lambda, "CreateFunction", made)
            for step in case["steps"]:
                play.step(step)
            return play.faults
        finally:
            self._clear()

    def _clear(self) -> None:
        """Take away what would wake somebody, and the case's own functions."""
        registry = self._api.desk.registry
        for ident in list(registry.mappings):
            self._lambda.delete_event_source_mapping(UUID=ident)
        for deployed in registry.functions.values():
            deployed.invokes.clear()
        for name in set(registry.functions) - self._before:
            self._lambda.delete_function(FunctionName=name)
        self.ground.settle()


class Play:
    """One case under way."""

    def __init__(self, world: World, case: Mapping[str, Any], like: Mapping[str, Any]) -> None:
        self._world, self._case, self._like = world, case, like
        self._marks, self.answers, self.faults = Marks(opens=True), dict[str, Any](), list[str]()
        self._seen: dict[str, int] = {}

    def filled(self, value: Any) -> Any:
        """Return parameters as they are sent."""
        return filled(value, self.answers, {**self._world.code, **self._case.get("code", {})})

    def step(self, step: Mapping[str, Any]) -> None:
        """Take one step of the case."""
        answer: dict[str, Any] = {}
        if "let" in step:
            self._world.ground.advance(step["let"])
        elif "seen" in step:
            answer = {"is": self._events(step)}
        elif "log" in step:
            lines = b64decode(self.answers[step["log"]]["is"]["LogResult"]).decode().splitlines()
            answer = {"is": [line for line in lines if not line.startswith("REPORT")]}
        elif step.keys() & self._world.own:
            answer = self._world.taken(self, step)
        else:
            answer = self.called(step)
        self.answers |= {step[name]: answer for name in ("as", "fact") if name in step}
        if "expect" in step:
            self._compare(step, answer)
        elif "among" in step:
            told = answer.get("is", {})
            among = {member: told.get(member) for member in step["among"]}
            self._compare({**step, "expect": {"is": step["among"]}}, {"is": among})
        else:
            assert answer.get("error") is None, (step, answer)

    def called(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Make the call of a step."""
        client = self._world.client(step.get("to", "lambda"))
        self._world.headers = step.get("headers", {})
        return answered(client, step["call"], self.filled(step["with"]))

    def _compare(self, step: Mapping[str, Any], answer: dict[str, Any]) -> None:
        wanted = {"is": step["expect"]} if step.keys() & {"seen", "log"} else step["expect"]
        if "is" in wanted:
            wanted = wanted | {"is": whole(wanted["is"], self._like)}
        if "at" in step and "seen" not in step and "is" in answer:
            answer = answer | {"is": _at(answer["is"], step["at"])}
        self.faults += [f"{step['fact']}: {line}" for line in compared(self._marks, wanted, answer)]

    def _events(self, step: Mapping[str, Any]) -> list[Any]:
        """Return the events that a function has had since it was last looked at."""
        self._world.ground.settle()
        had = [told for told in self._world.ground.printed("EVENT ") if told["by"] == step["by"]]
        new = had[self._seen.get(step["by"], 0) :]
        self._seen[step["by"]] = len(had)
        if len(new) != step["seen"]:
            self.faults.append(f"{step['by']} had {len(new)} events, not {step['seen']}: {new}")
        if "flat" not in step:
            members = step.get("only") or ("event", *step.get("beside", ()))
            bare = members == ("event",)
            events = [told["event"] if bare else {m: told[m] for m in members} for told in new]
            return [_at(event, step["at"]) for event in events] if "at" in step else events
        records = [record for told in new for record in told["event"]["Records"]]
        return sorted(records, key=lambda record: json.dumps(_at(record, step["flat"])))


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part) if isinstance(value, list) else part]
    return value


def _numbered(value: Any, number: str) -> Any:
    """Return a value with a number in place of each `~`."""
    if isinstance(value, Mapping):
        return {_numbered(key, number): _numbered(each, number) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, number) for each in value]
    return value.replace("~", number) if isinstance(value, str) else value


def opened(folder: Path, made: Callable[[Path], AnyWorld]) -> Iterator[AnyWorld]:
    """Yield a world that is open."""
    world = made(folder)
    world.open()
    try:
        yield world
    finally:
        world.close()
