"""C01: credentials out of variables, other processes and their memory.

Knows where code may look for the key of another environment. Does not know how it is kept away.
"""

from __future__ import annotations

import json

from tests.attacks.walled import Walled

LOOK = """
import os, time
def look(pid, name):
    try:
        with open(f'/proc/{pid}/{name}', 'rb') as file:
            return file.read(1 << 20)
    except OSError:
        return b''
def handler(event, context):
    own = os.environ['AWS_ACCESS_KEY_ID']
    seen = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        for part in look(pid, 'environ').split(bytes(1)):
            if part.startswith(b'AWS_ACCESS_KEY_ID=ASIAVALVE'):
                seen.add(part.partition(b'=')[2].decode())
    time.sleep(event['stay'])
    return {'own': own, 'others': sorted(seen - {own})}
"""


def test_without_walls_the_key_of_another_environment_is_found_and_within_them_none(walled: Walled) -> None:
    walled.lay(LOOK)
    events = [{"stay": 2}, {"stay": 2}, {"stay": 0}]
    bare = [ran.told for ran in walled.together(events, "audit", walls=False)]
    assert any(told["others"] for told in bare), json.dumps(bare)
    for ran in walled.together(events):
        assert ran.told["others"] == []
        assert not ran.refused
