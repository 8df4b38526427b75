"""The fronts of one LocalStack process, on a loop in a thread of its own, and the functions that it knows.

Knows which thread may do what, and when what LocalStack holds is read anew. Does not know LocalStack's
classes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from valve_aws import application, policy, text
from valve_aws import template as templates
from valve_aws.environments.files import stamp
from valve_aws.localstack import expected, host, inventory
from valve_aws.localstack.arrival import Arrival
from valve_aws.localstack.front import DIRECT, Front, Served
from valve_aws.localstack.marks import Marks
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Function, Stack, Trigger
from valve_aws.running.preparing import ready
from valve_aws.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a function, as LocalStack has it."""

    function: Function
    account: str
    region: str
    role: str
    dead_letters: str = ""
    """ARN of the function's dead letter queue or topic."""
    hot: bool = False
    """Its code is a folder of the user's, who changes it as he likes (LocalStack's hot reloading)."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """The LocalStack around us: where its gateway is, and how its operator asks it something."""

    url: str
    ask: Callable[[str, str], inventory.Ask]
    """(account, region) → the operator's own calls there."""
    running: Callable[[], Collection[str]]
    """Services that have been used, so that something may be there."""


class Keeper:
    """All fronts of this process."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._loop = asyncio.new_event_loop()
        self._fronts: dict[tuple[str, str], Front] = {}
        self._versions: dict[str, Version] = {}
        self._users: dict[str, int] = {}
        self._marks = Marks(host.chance, host.now)
        self._lock = threading.Lock()
        self._stale = True
        self._told = ""
        threading.Thread(target=self._loop.run_forever, name="valve", daemon=True).start()

    def on_loop(self, course: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine where everything of a valve runs; to be waited for in the caller's thread."""
        return asyncio.run_coroutine_threadsafe(course, self._loop)

    def changed(self) -> None:
        """Take note that what LocalStack holds is not what it was."""
        self._stale = True

    def add(self, version: Version) -> None:
        """Take in a version, and see that it can be run. Blocking. Raises `Invalid`.

        Why without a look at the policy: a mistake there is told by each invocation until it is mended, and
        would here fail the function for good.
        """
        with self._lock:
            self._versions[version.function.key] = version
            self._stale = True
        ready(version.function, host.settings(self._cloud.url, version.account, version.region), host.say)

    def used(self, key: str, more: int) -> None:
        """Count LocalStack's own environments of a version; once it keeps none (`LAMBDA_KEEPALIVE_MS`), no
        environment of ours stays warm."""
        with self._lock:
            self._users[key] = self._users.get(key, 0) + more
            version = self._versions.get(key) if self._users[key] <= 0 else None
        if version is not None:
            self._cool(version)

    def _cool(self, version: Version) -> None:
        if front := self._fronts.get((version.account, version.region)):
            self.on_loop(front.forget(version.function))

    def remove(self, key: str) -> None:
        """Forget a version, and end its environments."""
        with self._lock:
            version = self._versions.pop(key, None)
            self._users.pop(key, None)
            self._stale = True
        if version is not None:
            self._cool(version)

    def serve(self, key: str, came: Arrival) -> Future[Served]:
        """Serve an event with a version; to be waited for in the caller's thread. Raises `Invalid`."""
        version = self._versions.get(key)
        if version is None:
            raise Invalid(Where(key), "this version is no more", "invoke it again")
        if version.hot:
            version = self._reloaded(key, version)
        return self.on_loop(self._front(version).serve(version.function, came))

    def _reloaded(self, key: str, version: Version) -> Version:
        """Return a version with the code that its folder has by now; what runs older code is ended."""
        folder, before = version.function.code.folder, version.function
        assert folder is not None
        function = replace(before, revision=sha256(stamp(folder).encode()).hexdigest())
        if function == before:
            return version
        with self._lock:
            self._versions[key] = now = replace(version, function=function)
        self._cool(version)
        return now

    def _front(self, version: Version) -> Front:
        """Return the front of a version's account and region, which knows what is there by now."""
        with self._lock:
            place, told = (version.account, version.region), host.policy_stamp()
            if self._stale or told != self._told or place not in self._fronts:
                self._stale, self._told = False, told
                try:
                    self._read(place)
                except BaseException:
                    self._stale = True
                    raise
            return self._fronts[place]

    def _read(self, place: tuple[str, str]) -> None:
        """Read anew what is there, in every place that has functions.

        Why here and not on the loop: LocalStack answers such calls in the thread that asks.
        """
        for account, region in dict.fromkeys([place, *self._fronts]):
            settings = host.settings(self._cloud.url, account, region)
            node = application.load(settings.policy) if settings.policy else None
            stack = self._stack(settings, node)
            flow = policy.read(node, stack, str(settings.policy)) if node is not None else FlowPolicy()
            front = self._fronts.get((account, region))
            if front is None:
                front = Front(settings, stack, flow, host.say, self._marks)
                self.on_loop(front.open()).result()
                self._fronts[account, region] = front
            else:
                self.on_loop(front.learn(stack, flow)).result()

    def _stack(self, settings: Settings, node: Node | None) -> Stack:
        """Return what LocalStack holds as a stack.

        Why it is written down as well: messages name its lines, and `valve check -t` takes it.
        """
        account, region = settings.account, settings.region
        every = [v for v in self._versions.values() if (v.account, v.region) == (account, region)]
        # Why the one without a number last: what others are published of stands for the function itself.
        every.sort(key=lambda v: (not v.function.version, v.function.version))
        here = {v.function.name: v for v in every}
        ask = self._cloud.ask(account, region)
        running = self._cloud.running()
        told = inventory.template(ask, running, {n: _properties(v) for n, v in here.items()})
        resources = told["Resources"]
        for name, kind, properties in expected.missing(node, resources):
            if kind == expected.ANY and "s3" in running and inventory.elsewhere(ask, name):
                kind, properties = "AWS::S3::Bucket", {"BucketName": name}
            resources[name] = {"Type": kind, "Properties": properties}
        for version in every:
            if version.dead_letters and version is not here[version.function.name]:
                resources[f"{version.function.key}/letters"] = _letters(version)
        written = json.dumps(told, indent=1)
        file = host.keep(settings, f"localstack-{account}-{region}.json", written)
        return _completed(as_stack(written, file, account, region), here, set(expected.events(node)))


def _properties(version: Version) -> dict[str, Any]:
    function = version.function
    given: dict[str, Any] = {"FunctionName": function.name, "Runtime": function.runtime, "Role": version.role}
    if version.dead_letters:
        given["DeadLetterConfig"] = {"TargetArn": version.dead_letters}
    return {**given, "Handler": function.handler, "Code": {"ZipFile": ""}}


def _letters(version: Version) -> dict[str, Any]:
    """Return where the events of one published version go that fail; a function's own it has itself."""
    leads = {"OnFailure": {"Destination": version.dead_letters}}
    given = {"FunctionName": version.function.name, "DestinationConfig": leads}
    return {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": given}


def as_stack(written: str, file: Path, account: str, region: str) -> Stack:
    """Return the stack that a template of LocalStack's resources describes."""
    return templates.read(
        file,
        parameters={},
        stack="localstack",
        account=account,
        region=region,
        physical={},
        load=lambda path: text.parse(written, str(path), last=True),
    )


def _completed(stack: Stack, versions: dict[str, Version], named: set[tuple[str, str]]) -> Stack:
    """Give the functions their code, and each trigger the name of what it comes from, so that a policy can
    say `Function.Store`; every function can be invoked as well, which is an event called `Invoke`."""
    functions = {}
    for logical, function in stack.functions.items():
        triggers = [replace(t, name=stack.title(t.source) if t.source else t.name) for t in function.triggers]
        triggers.append(Trigger(logical, DIRECT, DIRECT))
        there = {t.name for t in triggers}
        triggers += [Trigger(logical, e, "") for f, e in sorted(named) if f == logical and e not in there]
        version = versions.get(function.name)
        function = replace(function, triggers=tuple(triggers))
        if version is not None:
            ours = version.function
            function = replace(function, code=ours.code, environment=ours.environment, runtime=ours.runtime)
        functions[logical] = function
    return replace(stack, functions=functions)
