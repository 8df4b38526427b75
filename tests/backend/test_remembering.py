"""What moto is made to remember: its answers are the same, and whoever asks cannot fill its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from valve_aws.backend.remembering import MOST, SHORT, hosts, short

ROOT = Path(__file__).parents[2]

ASKED = """
import os, sys
sys.path.insert(0, {root!r})
from moto.core import responses, utils
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sqs.responses import SQSResponse
from valve_aws.backend.remembering import remember

names = ["", "A", "ApproximateNumberOfMessages", "QueueARN", "sendMessage", "x" * 500 + "Y z"]
hosts = [None, "moto_api", "dynamodb", "s3.us-east-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com", "nobody"]

def answers():
    find = DomainDispatcherApplication(lambda service: service).get_backend_for_host
    named = [utils.camelcase_to_underscores(name) for name in names]
    return named, responses.method_names_from_class(SQSResponse), [find(host) for host in hosts]

before = answers()
if {remembered}:
    remember()
assert answers() == before
listed, listing = [], os.listdir
os.listdir = lambda path: listed.append(path) or listing(path)
assert answers() == before
print(len(listed))
"""


@pytest.mark.parametrize(("remembered", "listed"), [(False, 4), (True, 1)])
def test_moto_gives_the_same_answers_and_looks_for_them_once(remembered: bool, listed: int) -> None:
    """Four hosts are looked for among moto's folders each time; remembered, the one that nobody has."""
    code = ASKED.format(root=str(ROOT), remembered=remembered)
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(listed)]


def test_long_names_are_worked_out_each_time() -> None:
    """Names are whoever's who asks: only so many are kept, and no long one."""
    asked: list[str] = []

    def upper(text: str) -> str:
        asked.append(text)
        return text.upper()

    kept = short(upper)
    for text in ("a", "a", "b" * SHORT, "b" * SHORT, "c" * (SHORT + 1), "c" * (SHORT + 1)):
        assert kept(text) == text.upper()
    assert [len(text) for text in asked] == [1, SHORT, SHORT + 1, SHORT + 1]


def test_only_so_many_hosts_are_kept() -> None:
    """After as many others, a host is looked for anew; one that nothing answers to always is."""
    asked: list[str] = []

    def find(_: Any, host: str) -> str | None:
        asked.append(host)
        return host if host != "nobody" else None

    found = hosts(find)
    for number in range(MOST + 1):
        assert found(None, str(number)) == str(number)
    assert found(None, "0") == "0"
    assert found(None, str(MOST)) == str(MOST)
    assert [found(None, "nobody"), found(None, "nobody")] == [None, None]
    assert asked[MOST + 1 :] == ["0", "nobody", "nobody"]
