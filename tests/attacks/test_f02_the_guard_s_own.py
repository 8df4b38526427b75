"""F02: The policy, the book, the records and the valve's memory reached from inside.

Knows where code may look. Does not know how they are kept away.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.attacks.walled import POLICY, TRIGGER, Walled

LOOK = """
import os, re
def reads(path, size=4 << 20):
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 'rb') as file:
        return file.read(size)
def files(word):
    for start in (os.environ['LAMBDA_TASK_ROOT'], '/etc', '/dev', '/var/lang/bin', '/opt'):
        for folder, _, names in os.walk(start):
            for name in names:
                if os.path.isfile(os.path.join(folder, name)):
                    yield os.path.join(folder, name)
def others():
    return [pid for pid in os.listdir('/proc') if pid.isdigit() and int(pid) == os.getppid()]
def descriptors(word):
    for pid in others():
        for number in os.listdir(f'/proc/{pid}/fd'):
            if os.path.isfile(f'/proc/{pid}/fd/{number}'):
                yield f'/proc/{pid}/fd/{number}'
def by_root(word):
    for pid in others():
        for name in ('valve.yaml', 'labels.db', 'audit.jsonl'):
            yield f'/proc/{pid}/root/{word[1]}/{name}'
def environments(word):
    for pid in others():
        yield f'/proc/{pid}/environ'
def memory(word):
    for pid in others():
        with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as content:
            for line in maps:
                first, last = (int(part, 16) for part in line.split()[0].split('-'))
                if ' rw' in line and last - first < 1 << 28:
                    content.seek(first)
                    try:
                        if word[0] in content.read(last - first): return True
                    except OSError: pass
    return False
def found(way, word):
    try:
        if way is memory: return memory(word)
        if way is environments: return any(reads(path) for path in way(word))
        return any(word[0] in reads(path) for path in way(word) if not path.endswith('app.py'))
    except OSError:
        return False
def handler(event, context):
    word = (bytes.fromhex(event['word']), event['folder'])
    return {way.__name__: found(way, word) for way in (files, descriptors, by_root, environments, memory)}
"""


@pytest.fixture
def marked(walled: Walled) -> str:
    """A word that stands in the policy, the book, the records and the valve's memory."""
    word = f"hidden-{os.urandom(8).hex()}"
    walled.lay(LOOK)
    (walled.folder / "valve.yaml").write_text(POLICY.replace("secret", word))
    return word


def test_without_walls_all_of_it_is_found_and_within_them_none(walled: Walled, marked: str) -> None:
    event = {"word": marked.encode().hex(), "folder": str(walled.folder)}
    bare = walled.run(event, "audit", walls=False, trigger=TRIGGER).told
    assert bare["files"]
    if os.geteuid() == 0:  # an ordinary user's kernel may forbid the rest (Yama)
        assert set(bare.values()) == {True}, bare
    assert set(walled.run(event, trigger=TRIGGER).told.values()) == {False}


def test_the_word_was_there_to_be_found(walled: Walled, marked: str) -> None:
    """The twin: an honest function beside the same files, which the operator reads back."""
    event = {"word": b"nothing".hex(), "folder": ""}
    ran = walled.run(event, trigger=TRIGGER)
    assert not ran.refused
    assert marked in (walled.folder / "audit.jsonl").read_text()
    with sqlite3.connect(walled.folder / "labels.db") as book:
        assert book.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    assert marked in Path(walled.folder / "valve.yaml").read_text()
