"""Real programs inside, unchanged: the runtime client, boto3, Node, curl, and what ordinary code does.

Knows what they should print. Does not know the walls.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from tests.sandbox.scenes import PYTHON, play, players
from valve_aws import sandbox

PACKAGES = sysconfig.get_paths()["purelib"]
BOTO3 = """
import awslambdaric.bootstrap, runtime_client
import boto3
from botocore.config import Config
once = Config(retries={'total_max_attempts': 1}, read_timeout=5)
key = dict(region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b', config=once)
s3 = boto3.client('s3', endpoint_url='http://203.0.113.5:8333', **key)
boto3.client('dynamodb', **key)
try:
    s3.list_buckets()
except Exception as problem:
    print(type(problem).__name__)
"""


@pytest.mark.parametrize("who", players()[:1])
def test_the_runtime_client_and_boto3_run_within_128_mib(who: str) -> None:
    ran = play(
        who,
        "run",
        code=BOTO3,
        binds=[[PACKAGES, "/var/runtime"]],
        environ={"PYTHONPATH": "/var/runtime"},
        directory="/var/runtime",
        memory=128,
    )
    assert (ran["err"], ran["status"]) == ("", 0)
    assert ran["called"][0][:3] == ["tcp", "203.0.113.5", 8333]
    assert "AWS4-HMAC-SHA256" in ran["called"][0][3]


NODE = """
require('http').get('http://198.51.100.7:81/n').on('error', () => {});
new (require('worker_threads').Worker)('console.log("worker")', {eval: true});
require('child_process').exec('echo child', (e, out) => console.log(out.trim()));
"""
COMMANDS = {
    "/usr/bin/node": (["-e", NODE], {"worker", "child"}, 81),
    "/usr/bin/curl": (["-sm20", "http://203.0.113.9:8080/x"], set(), 8080),
}


@pytest.mark.parametrize("program", [each for each in COMMANDS if Path(each).exists()])
@pytest.mark.parametrize("who", players())
def test_programs_reach_the_valve_without_knowing_it(who: str, program: str) -> None:
    arguments, words, port = COMMANDS[program]
    ran = play(who, "run", argv=[program, *arguments])
    assert set(ran["out"].split()) >= words, ran
    assert ran["called"][0][2] == port
    assert ran["called"][0][3].startswith("GET /")


ORDINARY = """
import asyncio, concurrent.futures, multiprocessing, socket, sqlite3, subprocess, tempfile, threading
async def child():
    return await (await asyncio.create_subprocess_exec('/bin/true')).wait()
def main():
    assert concurrent.futures.ThreadPoolExecutor(4).submit(lambda: 1).result() == 1
    assert asyncio.run(child()) == 0
    assert subprocess.run(['/bin/echo', 'x'], capture_output=True).stdout == b'x\\n'
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=theirs.send, args=(5,)); process.start()
    assert ours.recv() == 5
    with tempfile.NamedTemporaryFile() as file, sqlite3.connect(file.name) as base:
        base.execute('create table t (x)')
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as own:
        own.bind(folder + '/own')
    print('all of it')
main()
"""


@pytest.mark.parametrize("who", players())
def test_what_ordinary_code_does_works(who: str) -> None:
    ran = play(who, "run", code=ORDINARY)
    assert ran["out"] == "all of it\n", ran["err"]


def test_a_virtual_environment_is_bound_with_what_it_stands_on(tmp_path: Path) -> None:
    installation = tmp_path / "python" / "3.11"
    (installation / "bin").mkdir(parents=True)
    (installation / "lib" / "python3.11").mkdir(parents=True)
    (installation / "lib" / "python3.11" / "os.py").touch()
    (installation / "bin" / "python3.11").touch()
    venv = tmp_path / "app" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(f"home = {installation / 'bin'}\nversion = 3.11\n")
    (venv / "bin" / "python").symlink_to(installation / "bin" / "python3.11")
    shown = {bind.target: bind.source for bind in sandbox.interpreter_binds(venv / "bin" / "python")}
    expected = [venv, installation / "bin", installation / "lib"]
    assert shown == {str(path): path.resolve() for path in expected}


def test_an_interpreter_of_the_system_needs_nothing() -> None:
    assert sandbox.interpreter_binds(Path("/usr/bin/python3")) == ()


def test_what_is_no_python_installation_is_never_bound(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").touch()
    with pytest.raises(ValueError, match="no Python installation"):
        sandbox.interpreter_binds(tmp_path / "bin" / "python3")


@pytest.mark.parametrize("who", players()[:1])
def test_our_own_interpreter_runs_by_its_own_path(who: str) -> None:
    ran = play(who, "run", argv=[PYTHON, "-c", "import sys, ssl, sqlite3, ctypes; print(sys.executable)"])
    assert ran["out"].strip() == PYTHON
