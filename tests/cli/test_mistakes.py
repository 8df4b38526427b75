"""A mistake in what was given: exit code 2, one line that says where and what next, nothing made or printed.

Knows the mistakes as a table. Does not know who notices them.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.cli.workplace import TEMPLATE, Workplace

if TYPE_CHECKING:
    from tests.cli.workplace import Ran

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
CODE = (
    "Resources:\n  Hello:\n    Type: AWS::Serverless::Function\n"
    "    Properties: {Handler: app.handler, Runtime: python3.11, CodeUri: %s}\n"
)
POLICY = "version: 1\nlabels: {pii: {}}\n"


def archive(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as written:
        written.writestr("app.py", "def handler(event, context): pass")
        written.writestr(name, "x")
    return held.getvalue()


Case = tuple[dict[str, str | bytes], str, str]
"""(files beside the template, words after `valve local invoke`, how the line reads)"""

CASES: dict[str, Case] = {
    "no template": ({}, "Hello -t gone.yaml", "gone.yaml: there is no such template; .*`-t`"),
    "a folder without one": ({"empty/x": ""}, "Hello -t empty", "empty: no template here: .*`-t`"),
    "a binary": ({"t.yaml": b"\x7fELF\x02\xff\xfe"}, "Hello -t t.yaml", r"t.yaml:1:\d+: .*; "),
    "an alias bomb": ({"t.yaml": BOMB}, "Hello -t t.yaml", r"t.yaml:\d+:\d+: .*aliases.*; use fewer"),
    "deep nesting": ({"t.yaml": "[" * 9000}, "Hello -t t.yaml", r"t.yaml:1:\d+: nested deeper.*; flatten"),
    "a tab": ({"t.yaml": "Resources:\n\tA: x\n"}, "Hello -t t.yaml", "t.yaml:2:1: .*a tab.*; indent with"),
    "an empty template": ({"t.yaml": ""}, "Hello -t t.yaml", "t.yaml:1:1: .*`Resources`; "),
    "another's JSON": ({"t.json": '{"a":\n 1,}'}, "Hello -t t.json", r"t.json:2:\d: .*; "),
    # events
    "an event with a fault": (
        {"e.json": '{"a": 1,\n "b": }'},
        "Hello -e e.json",
        "e.json:2:7: `}` where.*; ",
    ),
    "an event with a key twice": (
        {"e.json": '{"a": 1, "a": 2}'},
        "Hello -e e.json",
        "e.json:1:10: .*`a`.*; ",
    ),
    "no event file": ({}, "Hello -e gone.json", "gone.json: it cannot be read: .*; name a JSON file"),
    "an event that is a folder": ({"d/x": ""}, "Hello -e d", "d: it cannot be read: .*; name a JSON file"),
    "an event in place of its file": (
        {},
        """Hello -e {"a":1}""",
        "--event: the event itself stands where its file's name is wanted; write `echo",
    ),
    "a large event": ({"e.json": b"1" * 6_291_457}, "Hello -e e.json", "e.json: .*larger than 6 MB.*; put"),
    # which function
    "a function misspelt": ({}, "Helo", "template.yaml: .*no function `Helo`; did you mean `Hello`"),
    "an unknown trigger": (
        {},
        "Hello --event-source Hello.Ap",
        "template.yaml: `Hello.Ap` is no event of `Hello`; it has `Hello.Api`",
    ),
    # flags
    "an unknown flag": (
        {},
        "Hello --polcy x",
        "no such option `--polcy`; did you mean `--policy`.*; see `valve local inv",
    ),
    "a flag without its value": ({}, "Hello --policy", "--policy: it needs a value; see `valve local inv"),
    "a switch with a value": (
        {},
        "Hello --allow-build=maybe",
        "--allow-build: it takes no value; see `valve ",
    ),
    "a number too great": (
        {},
        "Hello --spares 11",
        "--spares: `11` is not a whole number from 0 to 10; see `valve local inv",
    ),
    "a number below none": ({}, "Hello --spare-memory -1", ".*: `-1` is not a whole number from 0 up; see "),
    "no number": (
        {},
        "Hello --at-once x",
        "--at-once: `x` is not a whole number from 1 to 1000; see `valve ",
    ),
    "two functions": ({}, "Hello Other", "`Other` is one word too many; see `valve local invoke --help`"),
    "an unknown mode": ({}, "Hello --mode on", "--mode: `on` is not one of `enforce`, .*; see `valve local"),
    "a resolve without a port": ({}, "Hello --resolve a=1.2.3.4", "--resolve: `a=1.2.3.4` is not .*; write "),
    "a resolve beyond ports": (
        {},
        "Hello --resolve a=1.2.3.4:70000",
        "--resolve: .*:70000` is not .*; write ",
    ),
    "a name without its resource": (
        {},
        "Hello --physical x",
        "--physical: `x` is not .*; write `--physical ",
    ),
    "a name of no resource": ({}, "Hello --physical Tabel=x", "--physical: .*`Tabel`; did you mean `Table`"),
    "a parameter without value": (
        {},
        "Hello --parameter-overrides x",
        "--parameter-overrides: `x` has .*; wr",
    ),
    "an open quote": ({}, "Hello --parameter-overrides K='x", "--parameter-overrides: `K='x`: .*; write "),
    "an unknown backend": ({}, "Hello --backend motto", "--backend: `motto` is no backend; say `moto`"),
    "a backend's port": ({}, "Hello --backend http://x:99999", "--backend: .*no usable port; give a number"),
    "AWS as the backend": (
        {},
        "Hello --backend https://sqs.eu-west-1.amazonaws.com",
        "--backend: .*AWS its.*; ",
    ),
    "a region": ({}, "Hello --region ../x", "--region: `../x` .*; write `--region eu-west-1`"),
    "an account": ({}, "Hello --account 12", "--account: `12` .*; write `--account 123456789012`"),
    "a stack name": ({}, "Hello --stack-name a/b", "--stack-name: `a/b` .*; write `--stack-name orders-dev`"),
    "a debugger": ({}, "Hello -d 589000", "--debug-port: `589000` is not a whole number from 1 to 65535"),
    "a debugger's port": ({}, "Hello -d 9001", "--debug-port: port 9001 inside is the valve's own; name"),
    "a debugger's words": ({}, "Hello -d 5890 --debug-args '", "--debug-args: `'`: No closing quotation; "),
    "records into a folder": ({"d/x": ""}, "Hello --audit d", "d: a folder, .*; name another.*`--audit`"),
    "labels into a folder": ({"d/x": ""}, "Hello --labels d", "d: a folder, .*; name another.*`--labels`"),
    "logs into a folder": ({"d/x": ""}, "Hello -l d", "d: a folder, .*; name another file with `--log-file`"),
    "records below a file": ({"f": ""}, "Hello --audit f/a", "f/a: `.*/f` is not a folder; .*`--audit`"),
    # variables and samconfig.toml
    "no variables": ({}, "Hello -n gone.json", "gone.json: it cannot be read: .*; mend the path"),
    "variables as a list": ({"n.json": "[]"}, "Hello -n n.json", "n.json: variables are a mapping.*; write "),
    "a variable of two": (
        {"n.json": '{"Hello": {"A": []}}'},
        "Hello -n n.json",
        "n.json: `A` of `Hello` is .*; write it as text",
    ),
    "no TOML": (
        {"samconfig.toml": "version = 0.1\nx = = 1"},
        "Hello",
        "samconfig.toml:2:5: this is not TOML.*; ",
    ),
    "no such TOML": ({}, "Hello --config-file gone.toml", "gone.toml: there is no such file; leave out"),
    "TOML of another shape": (
        {"samconfig.toml": "default = 1"},
        "Hello",
        "samconfig.toml:1:1: `default` .*table; ",
    ),
    "TOML of another type": (
        {"samconfig.toml": "[default.global.parameters]\nregion = 7"},
        "Hello",
        "samconfig.toml:2:1: `region` is not text; write ",
    ),
    "no such environment": (
        {"samconfig.toml": "version = 0.1"},
        "Hello --config-env prod",
        "samconfig.toml: .*`prod`; name another with `--config-env`",
    ),
    # policies
    "no policy": ({}, "Hello --policy gone.yaml", "gone.yaml: it cannot be read: .*; mend the path"),
    "a policy's section": (
        {"valve.yaml": POLICY + "stors: {}"},
        "Hello",
        "valve.yaml:3:1: .*`stors`; .*`stores`",
    ),
    "a policy's store": (
        {"valve.yaml": POLICY + "stores: {Tabel: {holds: [pii]}}"},
        "Hello",
        "valve.yaml:3:10: .*`Tabel`; did you mean `Table`",
    ),
    "a policy's word": (
        {"valve.yaml": POLICY + "stores: {Table: {hold: [pii]}}"},
        "Hello",
        "valve.yaml:3:18: .*`hold`; did you mean `holds`",
    ),
    "a policy's mode": (
        {"valve.yaml": POLICY + "mode: enforced"},
        "Hello",
        "valve.yaml:3:7: .*; .*`enforce`",
    ),
    "a policy's key twice": (
        {"valve.yaml": POLICY + "version: 1"},
        "Hello",
        "valve.yaml:3:1: .*twice.*; keep one",
    ),
    "a policy's version": (
        {"valve.yaml": "version: 2"},
        "Hello",
        "valve.yaml:1:10: .*`2`.*; write `version: 1`",
    ),
    "a policy without one": (
        {"valve.yaml": ""},
        "Hello",
        "valve.yaml:1:1: .*version; begin with `version: 1`",
    ),
    # seeds
    "no seed": ({}, "Hello --seed gone.yaml", "gone.yaml: it cannot be read: .*; mend the path"),
    "a seed's store": ({"seed.yaml": "Tabel: []"}, "Hello", "seed.yaml:1:1: .*`Tabel`; did you mean `Table`"),
    "a seed's key": ({"seed.yaml": "Table: [{n: x}]"}, "Hello", "seed.yaml:1:9: .*; it needs `id`"),
    "a seed that leaves its folder": (
        {"seed.yaml": "Files: {a: {file: ../outside}}", "../outside": "x"},
        "Hello",
        "seed.yaml:1:19: `../outside` leaves the seed's folder; put",
    ),
    # code
    "no code": (
        {"t.yaml": CODE % "gone"},
        "Hello -t t.yaml",
        "t.yaml:4:.*`gone` is not there; build it first",
    ),
    "code outside": (
        {"t.yaml": CODE % "../x", "../x/a": ""},
        "Hello -t t.yaml",
        "t.yaml:4:.*leads out.*; keep it",
    ),
    "an archive that climbs": (
        {"t.yaml": CODE % "c.zip", "c.zip": archive("../evil.py")},
        "Hello -t t.yaml",
        "t.yaml:4:.*`../evil.py` in `c.zip` leads out of it; pack it anew",
    ),
    "no archive": (
        {"t.yaml": CODE % "c.zip", "c.zip": "x"},
        "Hello -t t.yaml",
        "t.yaml:4:.*`c.zip` is no archive .*; pack it anew",
    ),
    "no runtime": (
        {"t.yaml": CODE.replace("python3.11", "''") % "."},
        "Hello -t t.yaml",
        "t.yaml:3:5: `Hello` has no `Runtime`; write `Runtime: python3",
    ),
    "no such Python": (
        {"t.yaml": CODE.replace("python3.11", "python3.x") % "."},
        "Hello -t t.yaml",
        "t.yaml:3:5: `Hello`: there is no runtime `python3.x`; write `Runtime: python3",
    ),
    "another language": (
        {"t.yaml": CODE.replace("python3.11", "ruby3.4") % "."},
        "Hello -t t.yaml",
        "t.yaml:3:5: .*`ruby3.4` cannot be run",
    ),
}


def assert_one_line(ran: Ran, says: str) -> None:
    """See that a command was refused as a mistake of the user's, and that this is all that it did."""
    assert (ran.code, ran.out, ran.left) == (2, "", set()), ran
    # Why: a first run for another interpreter shows what it installs, and that is progress, not the mistake.
    lines = [line for line in ran.err.splitlines() if not line.startswith("installing awslambdaric ")]
    assert len(lines) == 1, ran.err
    (line,) = lines
    assert re.match(f"valve: {says}", line), line
    assert not line.endswith("."), line


@pytest.mark.parametrize(("files", "words", "says"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_in_one_line_and_nothing_is_made(
    files: dict[str, str | bytes], words: str, says: str, project: Workplace
) -> None:
    for name, content in files.items():
        project.write(name, content)
    assert_one_line(project.here("local", "invoke", *words.split()), says)


def test_the_command_itself_tells_it_so(project: Workplace) -> None:
    """What the table tries in this process, as a user would."""
    project.write("valve.yaml", POLICY + "stors: {}")
    assert_one_line(project.invoke("Hello"), "valve.yaml:3:1: .*`stors`; .*`stores`")


def test_code_with_a_link_out_of_its_folder_is_not_run(project: Workplace) -> None:
    project.write("t.yaml", CODE % "linked")
    project.write("linked/app.py", "def handler(event, context): pass")
    (project.folder / "linked" / "out").symlink_to("/etc/hostname")
    assert_one_line(project.invoke("-t", "t.yaml"), "t.yaml:4:.*link `out` leads out .*; remove it")


@pytest.mark.parametrize(
    "words", [("invoke", "Hello"), ("start-lambda", "--debug-function", "Hello", "-p", "0")]
)
def test_a_debugger_that_is_not_there_is_not_waited_for(
    words: tuple[str, ...], project: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valve_aws.running.debugging._own", lambda: None)
    ran = project.here("local", *words, "-d", "5890")
    assert_one_line(ran, "template.yaml:8:5: `Hello` .*: debugpy is neither .*; `pip install debugpy` where")


def test_no_policy_is_nothing_to_check(project: Workplace) -> None:
    assert_one_line(
        project.here("check"), "template.yaml: there is no policy, .*; make one with `valve init --write`"
    )


def test_without_a_function_named_the_ones_there_are_are_told(project: Workplace) -> None:
    other = TEMPLATE.replace("  Table:", "  Other: {Type: AWS::Serverless::Function}\n  Table:")
    project.write("template.yaml", other)
    assert_one_line(project.invoke(), "template.yaml: say which function; it has `Hello`, `Other`")


def test_an_event_on_standard_input_has_places_too(project: Workplace) -> None:
    assert_one_line(project.invoke("Hello", "-e", "-", stdin=b'{"a":\n tru}'), "<stdin>:2:2: .*; ")


def test_an_empty_standard_input_is_no_event(project: Workplace) -> None:
    assert_one_line(project.invoke("Hello", "-e", "-"), "<stdin>:1:1: .*; write `{}`")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("check --policy gone.yaml", "gone.yaml: it cannot be read: .*; mend the path"),
        ("init --write -t gone.yaml", "gone.yaml: there is no such template; "),
        ("explain last", ".valve/audit.jsonl: there are no records; run `valve local invoke` first"),
        ("fly", "no such command `fly`; see `valve --help`"),
        ("invoke Hello", "no such command `invoke`; did you mean `valve local invoke`; see `valve --help`"),
        ("lock chek", "`chek` is not one of `check`, .*; did you mean `check`; see `valve lock --help`"),
        ("up --host 192.0.2.1", "--host: cannot listen on 192.0.2.1:4566: .*; name an address of this"),
        ("local start-lambda -p 99999", "--port: `99999` is not a whole number from 0 to 65535; see `valve "),
        ("chek", "no such command `chek`; did you mean `check`; see `valve --help`"),
        ("local invok", "no such command `invok`; did you mean `invoke`; see `valve local --help`"),
        ("--verison", "no such option `--verison`.*; see `valve --help`"),
        ("local --nope", "no such option `--nope`.*; see `valve local --help`"),
        ("explain", "`RECORD` is missing; see `valve explain --help`"),
    ],
)
def test_every_command_tells_mistakes_so(words: str, says: str, project: Workplace) -> None:
    assert_one_line(project.here(*words.split()), says)


def test_a_policy_is_never_written_over(project: Workplace) -> None:
    project.write("valve.yaml", POLICY)
    assert_one_line(project.valve("init", "--write"), ".*valve.yaml: there is a policy already; print")
    assert (project.folder / "valve.yaml").read_text() == POLICY
