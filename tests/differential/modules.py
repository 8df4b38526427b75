"""Modules whose import is what is compared: most of them cannot be files of a checkout that is checked.

Knows their text. Does not know what becomes of it.
"""

from __future__ import annotations

MODULES = {
    # A module that is no Python.
    "bad_syntax": """\
def handler(event, context)
    return 1
""",
    # A module whose lines do not stand where they should.
    "bad_indent": """\
def handler(event, context):
    value = 1
   return value
""",
    # A module that needs another, which is not there.
    "bad_import": """\
import no_such_module

def handler(event, context):
    return no_such_module
""",
    # A module that takes what another has not.
    "bad_name": """\
from json import no_such_name

def handler(event, context):
    return no_such_name
""",
    # A module that fails while it is imported.
    "raises": """\
settings = {}


def setting(name):
    return settings[name]


TABLE = setting("table")


def handler(event, context):
    return TABLE
""",
    # A module that raises an error of its own while it is imported.
    "raises_own": """\
class Missing(Exception):
    pass


raise Missing("no configuration: ä 'quoted'")
""",
    # A module that ends the process while it is imported.
    "exits": """\
import sys

sys.exit(4)
""",
    # A module that ends the process with success while it is imported.
    "exits_well": """\
import sys

sys.exit()
""",
    # A module that ends the process at once while it is imported.
    "exits_at_once": """\
import os

os._exit(5)
""",
    # A module that kills the process while it is imported.
    "killed": """\
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
""",
    # A module that is interrupted while it is imported.
    "interrupted": """\
raise KeyboardInterrupt
""",
    # A module that calls itself without an end while it is imported.
    "recursive": """\
def forever(n):
    return forever(n + 1)


forever(0)
""",
    # A module with nothing in it.
    "empty": """\
""",
    # A module that writes while it is imported.
    "prints": """\
import sys

print("to standard output")
print("to standard error", file=sys.stderr)


def handler(event, context):
    return "imported"
""",
    # A module that takes its time.
    "slow": """\
import time

time.sleep(0.3)


def handler(event, context):
    return "in the end"
""",
    # One of two modules that import each other.
    "circle_one": """\
from circle_two import two

one = 1


def handler(event, context):
    return two
""",
    # The other of two modules that import each other.
    "circle_two": """\
from circle_one import one

two = one + 1
""",
}
