"""C05: the host's own credentials: variables, profiles, agents.

Knows where they lie on a host. Does not know how they are kept away.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.attacks.walled import Walled

LOOK = """
import os
def reads(path):
    try:
        with open(path, 'rb') as file:
            return file.read(1 << 20)
    except OSError:
        return b''
def handler(event, context):
    word, home = event['word'][::-1].encode(), event['home']
    parent = os.getppid()
    return {
        'variables': any(word in value.encode() for value in os.environ.values()),
        'profile': word in reads(home + '/.aws/credentials'),
        'by its root': word in reads(f'/proc/{parent}/root' + home + '/.aws/credentials'),
        'cache': word in reads(home + '/.aws/cli/cache/one.json'),
        'key of an agent': word in reads(home + '/.ssh/id_ed25519'),
        'agent': os.path.exists(home + '/agent.sock'),
    }
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A host's home with a word in each place where credentials are kept."""
    word = os.urandom(12).hex()
    home = tmp_path_factory.mktemp("home")
    for name in (".aws/credentials", ".aws/cli/cache/one.json", ".ssh/id_ed25519", "agent.sock"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(word)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", word)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / ".aws/credentials"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent.sock"))
    return home, word


def test_without_walls_they_are_found_and_within_them_none(walled: Walled, home: tuple[Path, str]) -> None:
    folder, word = home
    walled.lay(LOOK)
    event = {"word": word[::-1], "home": str(folder)}
    bare = walled.run(event, "audit", walls=False).told
    assert {name for name, found in bare.items() if found} >= {"profile", "cache", "key of an agent", "agent"}
    ran = walled.run(event)
    assert set(ran.told.values()) == {False}
    assert not ran.refused


def test_the_function_has_a_key_of_its_own_all_the_same(walled: Walled, home: tuple[Path, str]) -> None:
    """The twin: an honest function finds a credential where its SDK looks for one."""
    walled.lay("import os\ndef handler(e, c):\n    return os.environ['AWS_ACCESS_KEY_ID'][:9]\n")
    assert walled.run({}).told == "ASIAVALVE"
