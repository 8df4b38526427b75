"""samconfig.toml: every flag of every command can stand in it, what is wrong there is told with its place,
and what is to be kept there leaves the rest as it is written.

Knows the commands' flags. Runs none of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from valve_aws.cli import valve
from valve_aws.commands import samconfig
from valve_aws.commands.commanding import MAY_BE, UNTOLD, Command, key, names
from valve_aws.model.source import Invalid


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(group: click.Group = valve, *path: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command that has a samconfig.toml, with its words; of the sample events one."""
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, *path, name)
        elif isinstance(each, Command) and "config_file" in {param.name for param in each.params}:
            yield (*path, name), each


COMMANDS = dict(commands())


def context(words: tuple[str, ...], *given: str) -> click.Context:
    """Read a command line as `valve` would, and run nothing."""
    command: click.Command = valve
    at = click.Context(command, info_name="valve")
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(at, word)
        assert found
        command, parent = found, at
        if not isinstance(command, click.Group):
            return command.make_context(word, list(given), parent=parent)
        at = click.Context(command, info_name=word, parent=parent)
    raise AssertionError(words)


def told(words: tuple[str, ...], *given: str) -> dict[str, Any]:
    return context(words, *given).params


def value_for(param: click.Parameter) -> Any:
    """Something that a flag takes and that is not its default."""
    kind = param.type
    many = param.nargs != 1 or getattr(param, "multiple", False)
    if MAY_BE.get(param.name or ""):
        return MAY_BE[param.name][-1]
    if isinstance(kind, click.types.BoolParamType):
        one: Any = True
    elif isinstance(kind, click.types.IntParamType):
        one = 7
    else:
        one = kind.choices[-1] if isinstance(kind, click.Choice) else "some/where"
    return [one, one] if many else one


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_flag_can_stand_there(words: tuple[str, ...], here: Path) -> None:
    """By the name of its long form, in the command's own table."""
    section = "_".join(words).replace("-", "_")
    lines = [f"[default.{section}.parameters]"]
    expected: dict[str, Any] = {}
    for param in COMMANDS[words].params:
        if param.name in UNTOLD or not param.name or not MAY_BE.get(param.name, (0,)):
            continue
        value = value_for(param)
        lines.append(f"{key(param)} = {samconfig._value(value)}")
        if param.expose_value:
            is_path = isinstance(param.type, click.Path) or param.name == "event"
            one = Path(value) if is_path else value
            expected[param.name] = tuple(value) if isinstance(value, list) else one
    (here / "samconfig.toml").write_text("\n".join(lines))
    found = {name: value for name, value in told(words).items() if MAY_BE.get(name, (0,))}
    assert {k: Path(v) if k == "event" else v for k, v in found.items()} == expected
    assert len(lines) > 8


def test_the_command_line_goes_first_then_the_command_s_own_table_then_the_global_one(here: Path) -> None:
    (here / "samconfig.toml").write_text("""
[default.global.parameters]
region = "eu-west-1"
stack_name = "everywhere"
[default.local_start-api.parameters]
stack_name = "api"
port = "3030"
[default.local_invoke.parameters]
stack_name = "invoke"
[prod.local_start_api.parameters]
port = 80
""")
    assert told(("local", "start-api"))["stack_name"] == "api"
    found = told(("local", "start-api"), "--stack-name", "mine")
    assert (found["stack_name"], found["region"], found["port"]) == ("mine", "eu-west-1", 3030)
    assert told(("check",))["stack_name"] == "invoke"
    assert told(("local", "start-lambda"))["stack_name"] == "everywhere"
    found = told(("local", "start-api"), "--config-env", "prod")
    assert (found["port"], found["region"]) == (80, "")


def test_a_sample_event_has_a_table_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "samconfig.toml").write_text(
        "[default.local_generate_event_apigateway_authorizer.parameters]\n"
        'restApiId = "api7"\naccount_id = "42"\n'
    )
    at = context(("local", "generate-event", "apigateway", "authorizer"))
    at.command.invoke(at)
    assert ":42:api7/prod/" in capsys.readouterr().out


def test_it_lies_beside_the_template_or_here_and_its_paths_count_from_there(here: Path) -> None:
    (here / "app").mkdir()
    (here / "app" / "samconfig.yaml").write_text("default:\n  global:\n    parameters: {env_vars: n.json}\n")
    assert told(("check",)).get("variables") is None
    assert told(("local", "invoke"), "-t", "app/t.yaml")["variables"] == Path("app/n.json")
    (here / "other.toml").write_text(
        '[default.local_invoke.parameters.parameter_overrides]\nStage = "a b"\n'
        '[default.local_invoke.parameters]\nfunction_logical_id = "Hello"\nno_such = 1\nenv_varz = 2\n'
    )
    found = told(("local", "invoke"), "--config-file", "other.toml")
    assert (found["overrides"], found["function"]) == (("Stage='a b'",), "Hello")


def test_of_two_files_the_one_beside_the_template_counts(here: Path) -> None:
    (here / "app").mkdir()
    for folder, region in ((here, "eu-west-1"), (here / "app", "eu-west-2")):
        (folder / "samconfig.toml").write_text(f'[default.global.parameters]\nregion = "{region}"\n')
    assert told(("check",), "-t", "app/t.yaml")["region"] == "eu-west-2"
    assert told(("check",))["region"] == "eu-west-1"


def test_an_event_may_come_from_standard_input_and_the_default_environment_need_not_be_there(
    here: Path,
) -> None:
    (here / "samconfig.toml").write_text("[prod.'local_invoke'.parameters]\nevent = '-'\nspares = 99\n")
    assert told(("local", "invoke"))["event"] == ""
    with pytest.raises(Invalid, match=r"samconfig.toml:3:1: `spares`"):
        told(("local", "invoke"), "--config-env", "prod")
    (here / "samconfig.toml").write_text("[prod.local_invoke.parameters]\nevent = '-'\n")
    assert told(("local", "invoke"), "--config-env", "prod")["event"] == "-"


def test_help_is_shown_whatever_the_file_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "samconfig.toml").write_text("region = = 1")
    with pytest.raises(click.exceptions.Exit):
        told(("local", "invoke"), "--help")
    assert "Examples:" in capsys.readouterr().out


def test_what_no_flag_is_called_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "samconfig.toml").write_text(
        "[default.global.parameters]\nstack = 1\n[default.local_invoke.parameters]\nenv_varz = 1\n"
    )
    told(("local", "invoke"))
    assert capsys.readouterr().err == (
        "valve: samconfig.toml:4:1: `valve local invoke` has no `env_varz`, it is passed over; "
        "did you mean `env_vars`\n"
    )


ODD = '''# a = 1
[default]   # [x]
[default.local_invoke]
[default.local_invoke.parameters]
"log_file" = """
[not.a.table] # nor a comment
port = 1 \\""" """ # a comment
physical = [ # ]
  'A=b]', "C=d",
]
%s
'''


@pytest.mark.parametrize(
    ("line", "told_as"),
    [
        ("region = 1", "samconfig.toml:11:1: `region` is not text; write `region = "),
        ("  spares = 99", "samconfig.toml:11:3: `spares`: `99` is not a whole number from 0 to 10"),
        ('spares = "x"', "samconfig.toml:11:1: `spares`: `x` is not a whole number from 0 to 10"),
        ("spares = 1.5", "samconfig.toml:11:1: `spares` is not a whole number; write `spares = 1`"),
        ("allow_build = 1", "samconfig.toml:11:1: `allow_build` is not true or false"),
        ("unsafe_cooperative = true", "11:1: `unsafe_cooperative` may not be `True` here: a project"),
        ("allow_build = true", "11:1: .*; give `--allow-build` on the command line"),
        ('resolve = ["a.test=127.0.0.1:22"]', "11:1: `resolve` may not be"),
        ("debug_port = 5890", "11:1: `debug_port` may not be `5890` here"),
        ('mode = "off"', "11:1: `mode` may not be `off` here: .*; give `--mode` on the command line"),
        ('mode = "audit"', "11:1: `mode` may not be `audit` here"),
        ('backend = "https://elsewhere.test"', "11:1: `backend` may not be"),
        ('env_vars = "../n.json"', "11:1: `env_vars` may not be .*: a path there does not leave the file's"),
        ('project = ".."', "11:1: `project` may not be `..` here: a path there does not leave the file's"),
        ('audit = "link/records"', "11:1: `audit` may not be `link/records` here: a path there does not"),
        ('mode = "enfroce"', "samconfig.toml:11:1: `mode`: `enfroce` is not one of"),
        ('allow_build = "maybe"', "samconfig.toml:11:1: `allow_build`: `maybe` is not true or false"),
        ("resolve = [1]", "samconfig.toml:11:1: `resolve` is not text"),
        ("region = = 1", "samconfig.toml:11:10: this is not TOML"),
        ("region = 1\nregion = 2", "samconfig.toml:12:.*: this is not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(line: str, told_as: str, here: Path) -> None:
    (here / "link").symlink_to("/tmp")
    (here / "samconfig.toml").write_text(ODD % line)
    with pytest.raises(Invalid, match=told_as.replace("(", r"\(")):
        told(("local", "invoke"))


def test_what_is_served_beside_an_api_stays_in_the_folder(here: Path) -> None:
    (here / "samconfig.toml").write_text('[default.local_start_api.parameters]\nstatic_dir = "/etc"\n')
    with pytest.raises(Invalid, match=r"samconfig.toml:2:1: `static_dir` may not be `/etc` here"):
        told(("local", "start-api"))


def test_it_opens_no_door_to_the_network(here: Path) -> None:
    (here / "samconfig.toml").write_text('[default.local_start_api.parameters]\nhost = "0.0.0.0"\n')
    with pytest.raises(Invalid, match=r"samconfig.toml:2:1: `host` may not be `0.0.0.0` here"):
        told(("local", "start-api"))


def test_in_yaml_what_is_wrong_has_its_place_too(here: Path) -> None:
    (here / "samconfig.yaml").write_text("default:\n  local_invoke:\n    parameters:\n      spares: many\n")
    with pytest.raises(
        Invalid, match=r"samconfig.yaml:4:7: `spares`: `many` is not a whole number from 0 to 10"
    ):
        told(("local", "invoke"))


def test_what_was_told_is_kept_and_found_again(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "app").mkdir()
    words = ("local", "invoke")
    given = ("Hello", "-t", "app/t.yaml", "-e", "app/e.json", "--spares", "1", "--physical", "A=b")
    at = context(
        words,
        *(*given, "--allow-build", "-n", "n.json", "--parameter-overrides", 'Name="a b"', "--save-params"),
        *("--config-env", "dev"),
    )
    monkeypatch.setattr("valve_aws.commands.verbs.invoke", lambda *_: 0)
    with pytest.raises(SystemExit):
        at.command.invoke(at)
    assert tomllib.loads((here / "app" / "samconfig.toml").read_text()) == {
        "version": 0.1,
        "dev": {
            "local_invoke": {
                "parameters": {
                    "function_logical_id": "Hello",
                    "template_file": "t.yaml",
                    "event": "e.json",
                    "spares": 1,
                    "physical": ["A=b"],
                    "parameter_overrides": ['Name="a b"'],
                }
            }
        },
    }
    said = capsys.readouterr().err
    assert said.endswith("; env_vars, allow_build may only be given on the command line\n")
    again = told(words, "--config-file", "app/samconfig.toml", "--config-env", "dev")
    assert {**again, "variables": Path("n.json"), "allow_build": True} == at.params


def test_what_else_stands_in_the_file_stays_as_it_is_written(here: Path) -> None:
    path = here / "samconfig.toml"
    for line in ("", "region = 'eu-west-1' # mine", "[default.other.parameters]\nregion = 'x'", "a.b = 1\r"):
        path.write_text(ODD % line)
        before = path.read_text()
        samconfig.keep(path, "default", "local_invoke", {"region": 'e"u\x7f\n', "spares": [1, 2]})
        after = path.read_text()
        parameters = tomllib.loads(after)["default"]["local_invoke"]["parameters"]
        assert (parameters["region"], parameters["spares"]) == ('e"u\x7f\n', [1, 2])
        kept = [each for each in before.splitlines() if each != "region = 'eu-west-1' # mine"]
        assert [each for each in after.splitlines() if each in kept] == kept
        assert ("# mine" in after) == ("# mine" in before)


def test_what_is_kept_goes_below_its_neighbours_in_an_environment_of_any_name(here: Path) -> None:
    path, words = here / "samconfig.toml", ("local", "invoke")
    path.write_text("[default.local_invoke.parameters]\nspares = 1   # few\nregion = 'x'\n\n[other]\n")
    samconfig.keep(path, "default", "local_invoke", {"spares": 2, "at_once": 3})
    head = "[default.local_invoke.parameters]\nspares = 2   # few\nregion = 'x'\nat_once = 3\n\n[other]\n"
    assert path.read_text() == head
    context(words, "--config-env", "my own", "--save-params", "--policy", str(here / "valve.yaml"))
    samconfig.keep(path, "my own", "local_invoke", {"region": "y"})
    assert path.read_text() == head + '\n["my own".local_invoke.parameters]\nregion = "y"\n'
    assert told(words, "--config-env", "my own")["region"] == "y"
    assert samconfig.relative(here / "valve.yaml", here / "app") == str(here / "valve.yaml")
    with pytest.raises(Invalid, match="only TOML is written"):
        samconfig.keep(here / "samconfig.yaml", "default", "local_invoke", {})


@pytest.mark.parametrize(
    "written",
    [
        "default = {local_invoke = {parameters = {}}}",
        "default = 1",
        "[[default]]",
        "[default]\nlocal_invoke = 1",
    ],
)
def test_where_there_is_no_place_nothing_is_written_and_it_is_told(written: str, here: Path) -> None:
    path = here / "samconfig.toml"
    path.write_text(written)
    with pytest.raises(Invalid, match=r"write `\[default.local_invoke.parameters\]` as a table of its own"):
        samconfig.keep(path, "default", "local_invoke", {"region": "x"})
    assert path.read_text() == written


def test_no_two_flags_of_a_command_share_a_name() -> None:
    for words, command in COMMANDS.items():
        spelled = [name for param in command.params for name in names(param)]
        assert len(spelled) == len(set(spelled)), words
