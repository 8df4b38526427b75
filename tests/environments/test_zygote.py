"""An environment that is forked from a zygote is what a cold start would have made (ADR 7).

Knows functions that look around, and such as bring along what a zygote has imported too. Does not know how a
zygote works.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from valve_aws.environments.zygote import zygote_plan
from valve_aws.model.invocation import Kind
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.stack import Code, Layer
from valve_aws.sandbox import SandboxError, Zygote, spawn

if TYPE_CHECKING:
    from tests.environments.conftest import World

PROBE = (Path(__file__).parent / "probe.py").read_text()
LOOKS = "import probe\ndef handler(event, context): return probe.seen()\n"

ALIKE = {
    "interpreter: atexit": "it counts places, and one that was given up is still counted",
    "interpreter: importers": "folders that were looked into; what is in them is the same",
    "modules: _valve_evidence": "ours: it gives what was imported beforehand",
    "modules: re": "patterns that are compiled already",
    "modules: sys": "it holds the folders that were looked into",
    "modules: typing": "what it makes on demand, once it was asked for",
    **dict.fromkeys(
        (f"modules: {name}" for name in ("concurrent.futures.thread", "queue", "_queue", "heapq", "_heapq")),
        "what looking at `concurrent.futures` loads, where it has not been loaded ahead",
    ),
    "process: status SigIgn": "two signals of the C library, which nobody can send",
}
"""What of `seen` is not the same, and why nobody minds."""


@pytest.fixture(scope="module")
def forked() -> Iterator[Callable[[Plan], Jail]]:
    """Make a sandbox from a zygote, which grows when it is first needed."""
    grown: list[tuple[Plan, Zygote]] = []

    def make(plan: Plan) -> Jail:
        wanted = zygote_plan(plan)
        found = next((zygote for known, zygote in grown if known == wanted), None)
        if found is None:
            found = Zygote.grow(wanted)
            grown.append((wanted, found))
        return found.spawn(plan)

    yield make
    for _, zygote in grown:
        zygote.close()


Forked = Callable[[Plan], Jail]


def answer(world: World, how: Forked, source: str, **changes: Any) -> Any:
    """Return what a function returns to its first event, its sandbox made in this way."""
    world.how = how
    environment = world.environment(source, memory=512, **changes)

    async def life() -> Any:
        try:
            await environment.start()
        except SandboxError as error:
            pytest.skip(f"this host has no sandbox: {error}")
        try:
            done = await environment.invoke("id", b"{}")
        finally:
            await environment.close()
        assert done.kind is Kind.RESPONSE, (done, world.text("stdout"), world.text("stderr"))
        return json.loads(done.payload)

    return asyncio.run(life())


@pytest.mark.parametrize("before", ["", "import boto3\nboto3.client('s3')\n", "import queue, uuid, ssl\n"])
def test_a_function_sees_what_a_cold_start_would_show(before: str, world: World, forked: Forked) -> None:
    _lay(world, {"probe.py": PROBE})
    colds = [answer(world, spawn, before + LOOKS) for _ in range(2)]
    warm = answer(world, forked, before + LOOKS)
    alike = {name for name in colds[0] if colds[0][name] == colds[1].get(name)}
    assert len(alike) > 80
    other = {name for name in alike | warm.keys() if warm.get(name) != colds[0].get(name)} - ALIKE.keys()
    assert not {name: (colds[0].get(name), warm.get(name)) for name in other & alike}
    assert other <= colds[0].keys(), "nothing is there that a cold start has not"


def test_two_children_of_one_zygote_are_not_alike_by_chance(world: World, forked: Forked) -> None:
    source = """
import os, random, secrets, tempfile, uuid
BORN = [random.random(), secrets.token_hex(), str(uuid.uuid1()), os.urandom(8).hex(), tempfile.mktemp()]
def handler(event, context): return BORN + [random.random(), str(uuid.uuid4())]
"""
    first, second = (answer(world, forked, source) for _ in range(2))
    assert not set(first) & set(second)


def test_hooks_around_a_snapshot_are_kept_and_not_run_since_none_is_taken(
    world: World, forked: Forked
) -> None:
    """As on Lambda for `$LATEST`, which SnapStart leaves alone (Lambda developer guide, runtime hooks)."""
    source = """
import snapshot_restore_py as hooks
RAN = []
hooks.register_before_snapshot(RAN.append, "before")
hooks.register_after_restore(RAN.append, "after")
def handler(event, context):
    return [RAN, len(list(hooks.get_before_snapshot())), len(list(hooks.get_after_restore()))]
"""
    assert answer(world, forked, source) == answer(world, spawn, source) == [[], 1, 1]


OWN_COPIES = {
    "in its folder": ("", {"boto3.py": "OWN = 1\n"}),
    "a package in its folder": (
        "",
        {"botocore/__init__.py": "OWN = 1\n", "boto3.py": "from botocore import OWN\n"},
    ),
    "in a folder that it puts on the path": (
        "import sys\nsys.path.insert(0, '/var/task/vendor')\n",
        {"vendor/boto3.py": "OWN = 1\n"},
    ),
    "after it has imported much of the library": (
        "import uuid, ssl, http.client, xml.etree.ElementTree, sys\nsys.path.insert(0, '/var/task/vendor')\n",
        {"vendor/boto3.py": "OWN = 1\n"},
    ),
    "fetched at its start": (
        "import sys\nopen('/tmp/boto3.py', 'w').write('OWN = 1')\nsys.path.insert(0, '/tmp')\n",
        {},
    ),
    "in an archive": (
        "import sys, zipfile\nwith zipfile.ZipFile('/tmp/v.zip', 'w') as z:\n"
        " z.writestr('boto3.py', 'OWN = 1')\n"
        "sys.path.insert(0, '/tmp/v.zip')\n",
        {},
    ),
    "by a finder of its own": (
        "import sys, importlib.util\nclass F:\n def find_spec(self, name, path=None, target=None):\n"
        "  if name == 'boto3': return importlib.util.spec_from_file_location(name, '/var/task/other.py')\n"
        "sys.meta_path.insert(0, F())\n",
        {"other.py": "OWN = 1\n"},
    ),
    "put in place by itself": (
        "import sys, types\nsys.modules['boto3'] = types.SimpleNamespace(OWN=1)\n",
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", OWN_COPIES)
def test_a_function_s_own_copy_of_what_a_zygote_has_wins(how: str, world: World, forked: Forked) -> None:
    before, files = OWN_COPIES[how]
    _lay(world, files)
    source = f"{before}import boto3\ndef handler(event, context): return boto3.OWN\n"
    assert [answer(world, way, source) for way in (spawn, forked)] == [1, 1]


def test_what_the_sdk_needs_is_the_function_s_own_copy_too(world: World, forked: Forked) -> None:
    """Half of a zygote's modules with half of a function's would be what no cold start makes."""
    _lay(
        world,
        {"jmespath.py": "OWN = 1\ndef compile(*_): ...\nclass exceptions: JMESPathError = ValueError\n"},
    )
    source = """
import botocore.waiter, sys
def handler(event, context):
    return [botocore.waiter.jmespath.OWN, sys.modules["jmespath"] is botocore.waiter.jmespath]
"""
    assert [answer(world, way, source) for way in (spawn, forked)] == [[1, True]] * 2


def test_what_was_patched_before_the_sdk_is_imported_is_in_it(world: World, forked: Forked) -> None:
    source = """
import json, socket
def own(*_, **__): return "own"
json.loads, socket.create_connection = own, own
import botocore.compat, urllib3.util.connection as connection
def handler(event, context): return [botocore.compat.json.loads("{}"), connection.socket.create_connection()]
"""
    told = [answer(world, way, source) for way in (spawn, forked)]
    assert told[0] == told[1] == ["own", "own"]


def test_the_sdk_is_the_runtime_s_where_nobody_brings_another(world: World, forked: Forked) -> None:
    source = """
import time
began = time.process_time()
import boto3, sys
TOOK = time.process_time() - began
def handler(event, context):
    return [boto3.__file__, boto3.__spec__.origin, type(boto3.__loader__).__name__, boto3.__path__,
            sys.modules["botocore.client"].__spec__.loader.name, sorted(sys.modules)]
"""
    cold, warm = (answer(world, way, source) for way in (spawn, forked))
    modules = set(cold.pop()), set(warm.pop())
    assert cold == warm
    assert modules[0] ^ modules[1] == set()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PYTHONDONTWRITEBYTECODE": "1"}, "sys.dont_write_bytecode"),
        ({"PYTHONHASHSEED": "7"}, "hash('a')"),
        ({"PYTHONPATH": "/var/task/more"}, "__import__('more').__file__"),
        ({"TZ": "Asia/Tokyo"}, "time.tzname"),
        ({"LANG": "C"}, "[sys.flags.utf8_mode, sys.getfilesystemencoding()]"),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, "awslambdaric.bootstrap._AWS_LAMBDA_LOG_FORMAT"),
        ({"WHATEVER": "x"}, "os.environ['WHATEVER']"),
    ],
)
def test_variables_act_as_in_a_cold_start(
    variables: dict[str, str], told: str, world: World, forked: Forked
) -> None:
    _lay(world, {"more/more.py": ""})
    source = f"import os, sys, time, awslambdaric.bootstrap\ndef handler(event, context): return {told}\n"
    cold, warm = (answer(world, way, source, environment=variables) for way in (spawn, forked))
    assert cold == warm


def test_an_exec_wrapper_is_executed(world: World, forked: Forked, tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "wrap").write_text('#!/bin/sh\nexport WRAPPED="$#"\nexec "$@"\n')
    (tmp_path / "layer" / "wrap").chmod(0o755)
    told = answer(
        world,
        forked,
        "import os\ndef handler(event, context): return os.environ['WRAPPED']",
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"},
        layers=(Layer("wrapper", Code(folder=tmp_path / "layer")),),
    )
    assert told == "3"


def test_a_zygote_is_given_no_key_no_name_and_no_folder_of_a_function(world: World) -> None:
    environment = world.environment("def handler(event, context): pass", environment={"SECRET": "s3cr3t"})
    plan = zygote_plan(environment.plan)
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "SECRET", "_HANDLER"} & plan.environ.keys()
    assert not any(bind.target.startswith(("/var/task", "/opt", "/var/packages")) for bind in plan.binds)


def test_its_children_end_with_it(world: World, forked: Forked) -> None:
    environment = world.environment("def handler(event, context): pass")
    zygote = Zygote.grow(zygote_plan(environment.plan))
    jail = zygote.spawn(environment.plan)
    zygote.close()
    assert jail.wait(20) is not None
    with pytest.raises(SandboxError, match="zygote"):
        zygote.spawn(environment.plan)
    for each in (*jail.listeners.tcp, *jail.listeners.udp):
        each.close()


def _lay(world: World, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = world.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
