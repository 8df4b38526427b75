"""The command line.

Knows commands, their words and exit codes. Does not know how anything is done; rooms are imported when a
command needs them (`--help` has 200 ms).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from valve_aws import __version__
from valve_aws.commands.flags import CONTAINERS, PATH, RUN, SERVED, STACK, options
from valve_aws.commands.generating import Services
from valve_aws.commands.groups import Face
from valve_aws.commands.taking import OneOf, Whole


def main() -> None:
    """Enter here: `valve …`."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    valve(prog_name="valve")


def _as_ctrl_c(number: int, frame: Any) -> None:
    """Have whoever ends this process end it as Ctrl-C does, so that nothing is left behind.

    Why not by a signal of its own: a shell lets what it runs in the background ignore Ctrl-C.
    """
    taken = signal.getsignal(signal.SIGINT)
    (taken if callable(taken) else signal.default_int_handler)(number, frame)


@click.group(cls=Face, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="valve")
def valve() -> None:
    """Run AWS Lambda functions on your own machine, follow labelled data through every call, and refuse the
    call that would
    carry it out. No Docker, no account, no change to the function's code.

    \b
    Examples:
      valve local invoke Resize -e event.json     run one function, guarded
      valve init                                  propose a first valve.yaml
      valve check                                 what the policy allows, and what never matches
      valve explain r-7c1e                        why a call was refused, and the way its label came
      valve lock check                            what the code uses that valve.lock does not have
      valve attack -t template.yaml               hostile code in place of each function
      valve doctor                                what this host can enforce
    """


@valve.group(cls=Face, short_help="Run functions of a template, as `sam local` does")
def local() -> None:
    """Run functions of a template here, with the habits and flags of `sam local`.

    \b
    Examples:
      valve local invoke Orders -e event.json                      one event
      valve local generate-event s3 put | valve local invoke -e -  a sample event
      valve local start-api                                        the template's APIs at port 3000
      valve local start-lambda                                     the Lambda API at port 3001
    """


@local.command(short_help="Run one function once, in a sandbox whose only way out is the valve")
@click.argument("function", required=False)
@click.option(
    "-e",
    "--event",
    default="",
    metavar="FILE",
    help="the event, a JSON file; `-` reads it from standard input",
)
@click.option("--no-event", is_flag=True, hidden=True, expose_value=False)
@click.option(
    "--event-source",
    default="",
    metavar="FUNCTION.EVENT",
    help="which trigger the event came from (its labels apply)",
)
@click.option(
    "--tenant-id",
    default="",
    metavar="NAME",
    help="for which tenant, of a function that has a `TenancyConfig`",
)
@options(STACK, RUN, CONTAINERS)
def invoke(function: str | None, event: str, event_source: str, tenant_id: str, **told: Any) -> None:
    """Run one function once, with its real runtime client, in a sandbox whose only way out is the valve.

    The result goes to standard output and nothing else does; logs, progress and refusals go to standard
    error. Functions
    that this one wakes (invocations, queues of the template) run to their end before the command returns.

    \b
    Examples:
      valve local invoke                           the template's only function, with an empty event
      valve local invoke Orders -e event.json
      echo '{"id": 1}' | valve local invoke Orders -e - --mode audit
      valve local invoke Orders -e e.json --event-source Orders.Api
      valve local invoke Orders --resolve api.partner.test=127.0.0.1:8080

    \b
    Exit codes: 0 done, 1 the function failed, 2 a mistake in what was given, 3 something was refused, 4 the
    backend failed.
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.invoke(function or "", event, event_source, tenant_id, told))


@local.command("start-lambda", short_help="Serve the Lambda API of the template's functions")
@click.argument("functions", nargs=-1)
@click.option("--host", default="127.0.0.1", help="[default: 127.0.0.1]")
@click.option("-p", "--port", type=Whole(0, 65535), default=3001, help="[default: 3001]")
@options(STACK, RUN, SERVED, CONTAINERS)
def start_lambda(functions: tuple[str, ...], host: str, port: int, **told: Any) -> None:
    """Serve the Lambda API, so that the AWS CLI and SDKs reach the template's functions at an address of this
    machine. Whoever can reach that address is the operator: what he does is recorded, and results and logs
    are judged as ever.

    \b
    Examples:
      valve local start-lambda
      valve local start-lambda Orders --policy valve.yaml -p 3001
      aws lambda invoke --endpoint-url http://127.0.0.1:3001 --function-name Orders out.json
    """
    from valve_aws.staying import standing

    sys.exit(standing.start_lambda(functions, host, port, told))


@local.command("start-api", short_help="Serve the template's HTTP APIs and function URLs")
@click.option("--host", default="127.0.0.1", help="[default: 127.0.0.1]")
@click.option("-p", "--port", type=Whole(0, 65535), default=3000, help="[default: 3000]")
@click.option("-s", "--static-dir", default="public", metavar="FOLDER", help="files served as they are")
@click.option("--disable-authorizer", is_flag=True, help="let every request in unasked")
@options(STACK, RUN, SERVED, CONTAINERS)
def start_api(host: str, port: int, static_dir: str, disable_authorizer: bool, **told: Any) -> None:
    """Serve the template's APIs and function URLs at an address of this machine, with their authorizers.

    Whoever can reach that address is the operator. A request is its function's event, with the labels that
    the policy gives that event; a response leaves only where the policy lets that event's result go.

    \b
    Examples:
      valve local start-api
      valve local start-api -p 3030 --disable-authorizer
      curl http://127.0.0.1:3000/orders/7
      curl http://orders.lambda-url.localhost:3000/    a function's own URL, beside an API
    """
    from valve_aws.staying import standing

    sys.exit(standing.start_api(host, port, static_dir, not disable_authorizer, told))


@local.group("generate-event", cls=Services, short_help="Print a sample event of an AWS service")
def generate_event() -> None:
    """Print a sample event of an AWS service, for a function to be run with.

    \b
    Examples:
      valve local generate-event s3 put --bucket photos --key a/1.jpg > event.json
      valve local generate-event sqs receive-message --body hello | valve local invoke Orders -e -
    """


@valve.command(short_help="Keep a template up: every service, its functions and triggers on one port")
@click.option("--host", default="127.0.0.1", help="[default: 127.0.0.1]")
@click.option("-p", "--port", type=Whole(0, 65535), default=4566, help="[default: 4566]")
@click.option("--fresh", is_flag=True, help="begin with the seed, not with what the last one left")
@click.option("--disable-authorizer", is_flag=True, help="let every request to an API in unasked")
@options(STACK, RUN, SERVED)
def up(host: str, port: int, fresh: bool, disable_authorizer: bool, **told: Any) -> None:
    """Keep a template up until Ctrl-C: an embedded cloud with its stores, each service of AWS at one address,
    the Lambda API, the template's APIs and function URLs, and the triggers that wake its functions.

    Whoever can reach that address is the operator. The next `valve up` finds what this one leaves; changes of
    code are served from the next event on.

    \b
    Examples:
      valve up
      aws --endpoint-url http://127.0.0.1:4566 s3 cp photo.jpg s3://uploads/
      valve up -t app/template.yaml --fresh -p 0
    """
    from valve_aws.staying import up as keeping

    sys.exit(keeping.up(host, port, fresh, not disable_authorizer, told))


@valve.command(short_help="Propose a first valve.yaml")
@click.option(
    "--write/--print", default=False, help="write valve.yaml beside the template instead of printing it"
)
@options(STACK)
def init(write: bool, **told: Any) -> None:
    """Propose a first valve.yaml: stores, functions and triggers of the template, labels by field name,
    each with its evidence.

    \b
    Examples:
      valve init                 look at it
      valve init --write         keep it (never over an existing file)
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.init(write, told))


@valve.command(short_help="Check the policy against the template")
@options(STACK)
def check(**told: Any) -> None:
    """Check the policy against the template: mistakes, lines that never match, and who may send what where.

    \b
    Examples:
      valve check
      valve check -t app/template.yaml --policy strict.yaml
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.check(told))


@valve.command(short_help="Tell why a call was refused or let through")
@click.argument("record")
@click.option("--audit", type=PATH, help="records  [default: .valve/audit.jsonl beside the template]")
@options(STACK)
def explain(record: str, audit: Path | None, **told: Any) -> None:
    """Tell why a call was refused or let through, and the way each of its labels came, step by step.

    \b
    Examples:
      valve explain r-7c1e
      valve explain last                the last refusal
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.explain(record, audit, told))


@valve.command(short_help="Hold what the code uses against valve.lock, or write it there")
@click.argument("verb", type=OneOf(["check", "update", "rewrite"]))
@click.option("--audit", type=PATH, help="records  [default: .valve/audit.jsonl beside the template]")
@click.option("--lock", "lock_file", type=PATH, help="[default: valve.lock beside the template]")
@options(STACK)
def lock(verb: str, audit: Path | None, lock_file: Path | None, **told: Any) -> None:
    """Hold what the code uses, by the records of its runs, against valve.lock, which is kept in git.

    \b
    check     tell what is new and what is gone, each with the line of source that calls it
    update    add what is new; what these records do not show stays
    rewrite   write down exactly what these records show

    \b
    Examples:
      valve lock update                           after a run, before a commit
      valve lock check                            after a dependency was raised
      valve local invoke Orders -e event.json --audit ci.jsonl; valve lock check --audit ci.jsonl

    \b
    Exit codes: 0 nothing is new, 1 something is, 2 a mistake in what was given.
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.lock(verb, audit, lock_file, told))


@valve.command(short_help="Attack this host, or your own template and policy, and print what held")
@click.option("--mode", type=OneOf(["enforce", "audit", "off"]), help="[default: the policy's]")
@click.option("--only", default="", metavar="NAME,…", help="only these, or those that begin so: A01,B; hosts")
@click.option("--list", "listed", is_flag=True, help="say what would be tried, and try nothing")
@click.option(
    "--format", "form", type=OneOf(["text", "json", "sarif"]), default="text", help="[default: text]"
)
@click.option("-o", "--output", type=PATH, help="where the report goes  [default: standard output]")
@options(STACK)
def attack(only: str, listed: bool, form: str, output: Path | None, **told: Any) -> None:
    """Run hostile code behind the guard and print what held.

    Without `-t` the attack kit is tried on this host, on a stack of its own: each class first with the guard
    off, where it must leak, then enforced, then its honest twin.

    With `-t` hostile code takes the place of each Python function of your template, with its role, its
    variables and your policy; it learns what that function may learn of labelled data (markers, none of your
    data) and tries every way out. Everything runs on an embedded cloud; nothing leaves this machine.

    \b
    Examples:
      valve attack                                this host
      valve attack --only A01,B                   one class, and all whose name begins so
      valve attack -t template.yaml               your template and the policy beside it
      valve attack -t template.yaml --only hosts,stores --format sarif -o attack.sarif
      valve attack --list

    \b
    Exit codes: 0 all held or is allowed by your policy, 1 something got out, 2 a mistake in what was given,
    4 nothing can be said, as the cloud or the host does not work.
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.attack(only, listed, form, output, told))


@valve.command(short_help="Say what this host can and cannot enforce")
def doctor() -> None:
    """Say what this host can and cannot enforce, each line with its remedy. Exit code 0 when the boundary
    holds, 1 when not.

    \b
    Example:
      valve doctor
    """
    from valve_aws.commands import verbs

    sys.exit(verbs.doctor())


if __name__ == "__main__":
    main()
