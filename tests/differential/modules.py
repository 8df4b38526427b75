"""Modules whose import is what is compared: most of them cannot be files of a checkout that is checked.

Knows their names and their text. Does not know what becomes of it.
"""

from __future__ import annotations

MODULES = {
    # A module that is no Python.
    "bad_syntax.py": """\
def handler(event, context)
    return 1
""",
    # A module whose lines do not stand where they should.
    "bad_indent.py": """\
def handler(event, context):
    value = 1
   return value
""",
    # A module that needs another, which is not there.
    "bad_import.py": """\
import no_such_module

def handler(event, context):
    return no_such_module
""",
    # A module that takes what another has not.
    "bad_name.py": """\
from json import no_such_name

def handler(event, context):
    return no_such_name
""",
    # A module that fails while it is imported.
    "raises.py": """\
settings = {}


def setting(name):
    return settings[name]


TABLE = setting("table")


def handler(event, context):
    return TABLE
""",
    # A module that raises an error of its own while it is imported.
    "raises_own.py": """\
class Missing(Exception):
    pass


raise Missing("no configuration: ä 'quoted'")
""",
    # A module that ends the process while it is imported.
    "exits.py": """\
import sys

sys.exit(4)
""",
    # A module that ends the process with success while it is imported.
    "exits_well.py": """\
import sys

sys.exit()
""",
    # A module that ends the process at once while it is imported.
    "exits_at_once.py": """\
import os

os._exit(5)
""",
    # A module that kills the process while it is imported.
    "killed.py": """\
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
""",
    # A module that is interrupted while it is imported.
    "interrupted.py": """\
raise KeyboardInterrupt
""",
    # A module that calls itself without an end while it is imported.
    "recursive.py": """\
def forever(n):
    return forever(n + 1)


forever(0)
""",
    # A module with nothing in it.
    "empty.py": """\
""",
    # A module that writes while it is imported.
    "prints.py": """\
import sys

print("to standard output")
print("to standard error", file=sys.stderr)


def handler(event, context):
    return "imported"
""",
    # A module that takes its time.
    "slow.py": """\
import time

time.sleep(0.3)


def handler(event, context):
    return "in the end"
""",
    # One of two modules that import each other.
    "circle_one.py": """\
from circle_two import two

one = 1


def handler(event, context):
    return two
""",
    # The other of two modules that import each other.
    "circle_two.py": """\
from circle_one import one

two = one + 1
""",
    # The same of Node's.
    "js_syntax.js": "exports.handler = async (event) => {",
    "js_import.js": 'const missing = require("no-such-module");\nexports.handler = async () => missing;\n',
    "js_throws.js": """\
class Missing extends Error {}

function setting(name) {
  throw new Missing(`no ${name}`);
}

exports.handler = async () => setting("table");
setting("table");
""",
    "js_throws_text.js": 'throw "only text";',
    "js_exits.js": "process.exit(4);",
    "js_empty.js": "",
    "js_slow.js": """\
const until = Date.now() + 200;
while (Date.now() < until);
exports.handler = async () => "in the end";
""",
    "mjs_syntax.mjs": "export const handler = async (event) => {",
    "mjs_import.mjs": 'import missing from "no-such-module";\nexport const handler = async () => missing;\n',
    "mjs_name.mjs": 'import { noSuchName } from "node:fs";\nexport const handler = async () => noSuchName;\n',
    "mjs_throws.mjs": 'await Promise.reject(new Error("while it is imported"));',
}
