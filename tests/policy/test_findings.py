"""What `valve check` finds: lines that never match, or allow more than they seem to, and what to know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.application import EXAMPLE, REGION, allow, example, function, resource, stack, table
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Where
from valve_aws.model.stack import Delivery, Stack, Trigger
from valve_aws.policy import dead, read
from valve_aws.text import parse

START = "version: 1\nlabels: {pii: {}, card: {only-to: ['https://pay.test/*']}}\n"


def found(text: str, app: Stack) -> list[tuple[str, str, str]]:
    told = dead(read(parse(START + text, "valve.yaml"), app, "valve.yaml"), app)
    return [(f.severity, str(f.where), f.text) for f in told]


def only(text: str, words: str, app: Stack | None = None) -> tuple[str, str, str]:
    matching = [f for f in found(text, app or example()) if words in f[2]]
    assert len(matching) == 1, matching or found(text, app or example())
    return matching[0]


def test_the_example_of_the_design_has_no_error(policy: Callable[[str], FlowPolicy], app: Stack) -> None:
    told = dead(policy(EXAMPLE), app)
    assert [f for f in told if f.severity == "error"] == []


def test_findings_come_errors_first_and_then_by_place(app: Stack) -> None:
    told = found("stores: {Jobs: {holds: [pii], accepts: [card]}}\nfunctions: {Worker: {clearance: []}}", app)
    order = ["error", "warning", "note"]
    ranks = [order.index(severity) for severity, _, _ in told]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0


@pytest.mark.parametrize(
    ("text", "words", "severity", "place"),
    [
        ("stores: {Idle: {holds: [pii]}}", "`Idle` and nothing delivers to it", "warning", "3:10"),
        ("stores: {Sink: {holds: [pii], accepts: [pii/x]}}", "nothing writes to `Sink`", "warning", "3:10"),
        (
            "stores: {Jobs: {from: [Worker]}}",
            "`Worker` may write to `Jobs` by this `from`, but not by its role",
            "warning",
            "3:10",
        ),
        (
            "stores: {Jobs: {from: [Checkout]}}\nfunctions: {Checkout: {writes: []}}",
            "but not by its `writes` (valve.yaml:4:13)",
            "warning",
            "3:10",
        ),
        ("stores: {Jobs: {accepts: [pii]}}", "no line puts that on anything", "warning", "3:26"),
        (
            "stores: {Jobs: {accepts: [pii]}, Orders: {holds: [pii/email]}}",
            "accepts all of `pii`; only `pii/email` is ever there",
            "note",
            "3:26",
        ),
        (
            "stores: {Jobs: {accepts: [card]}, Orders: {holds: [card]}}",
            "`card` may only go to `https://pay.test/*` (valve.yaml:2:19)",
            "warning",
            "3:26",
        ),
        (
            "stores: {Orders: {holds: [card]}}\nresults: {accepts: [card]}",
            "a result accepts `card`, but `card` may only go",
            "warning",
            "4:20",
        ),
        ("stores: {Orders: {holds: [card]}}", "no line of `stores` names that", "warning", "2:19"),
        (
            "stores: {Orders: {holds: [card]}, 'https://pay.test/*': {}}",
            "which does not accept it",
            "note",
            "2:19",
        ),
        (
            "stores: {Uploads: {holds: [pii], objects: {'*': {accepts: [pii]}, 'open/*': {accepts: []}}}}",
            "`*` (valve.yaml:3:44) names `open/*` too, so it also takes `pii`",
            "warning",
            "3:67",
        ),
        (
            "stores: {Uploads: {accepts: [pii], holds: [pii], objects: {'open/*': {accepts: []}}}}",
            "`open/*` also takes `pii`, which all of `Uploads` accepts",
            "warning",
            "3:60",
        ),
        (
            "stores: {Uploads: {objects: {'{t}/*': {holds: ['t/{t}']}, '{u}/in/*': {holds: ['t/{u}']}}}}",
            "`{u}/in/*` adds nothing to `{t}/*`",
            "warning",
            "3:59",
        ),
        (
            "stores: {Uploads: {objects: {'{t}-{u}/*': {holds: ['t/{t}']}}}}",
            "`{t}` of `{t}-{u}/*` ends at the first `-`, so who is called `a-b` is taken for `a`",
            "warning",
            "3:30",
        ),
        (
            "stores: {'https://a.test/*': {}, 'https://a.test/{x}': {}}",
            "`https://a.test/{x}` is never reached",
            "warning",
            "3:34",
        ),
        ("stores: {Customers: {attributes: {address.city: [pii]}}}", "name `address`", "warning", "3:10"),
        (
            "stores: {'https://*/*': {accepts: [pii]}, Orders: {holds: [pii]}}",
            "any host at all takes `pii`",
            "warning",
            "3:10",
        ),
        (
            "stores: {'arn:aws:s3:::*': {accepts: []}}",
            "everything of s3 in anybody's account a part of this stack",
            "warning",
            "3:10",
        ),
        (
            "stores: {'arn:aws:sqs:us-east-1:999999999999:*': {accepts: []}}",
            "everything of sqs in account 999999999999",
            "warning",
            "3:10",
        ),
        (
            "stores: {'http://a.test/*': {accepts: [pii]}, Orders: {holds: [pii]}}",
            "without encryption",
            "note",
            "3:10",
        ),
        (
            "grant: [{functions: [Worker], configure: [Reports], why: x}]",
            "`Worker` may set up `Reports`",
            "warning",
            "3:9",
        ),
        (
            "events: {Worker.Jobs: {label: ['user/{Records}']}}",
            "fills `{Records}`, since `SQS` gives a list of records: every such event is refused",
            "error",
            "3:31",
        ),
        (
            "events: {Checkout.Api: {label: ['user/{queryStringParameters.user}']}}",
            "nobody vouches for it",
            "warning",
            "3:32",
        ),
        (
            "results: {Checkout.Api: {accepts: ['user/{headers.user}']}}",
            "nobody vouches for it",
            "warning",
            "3:35",
        ),
        (
            "results: {Worker: {accepts: ['user/{headers.user}']}}",
            "nothing in the event of `Worker.Jobs` fills `{headers.user}`",
            "warning",
            "3:29",
        ),
        ("logs: {release: {all: '[A-Za-z0-9]{1,60}'}}", "bits out of a labelled line", "note", "3:7"),
        (
            "events: {Worker.Jobs: {label: [pii]}}\nfunctions: {Worker: {clearance: []}}",
            "`Worker` may not learn `pii`, which `Worker.Jobs` brings: every such event is refused",
            "error",
            "4:33",
        ),
        (
            "stores: {Jobs: {holds: [pii]}}\nfunctions: {Worker: {clearance: []}}",
            "which all of `Jobs` holds, and that wakes it",
            "error",
            "4:33",
        ),
        (
            "stores: {Jobs: {accepts: [pii]}}\nfunctions: {Worker: {clearance: []}}",
            "which may be in `Jobs`, and that wakes it: such events are refused",
            "warning",
            "4:33",
        ),
        (
            "stores: {Customers: {attributes: {email: [pii]}}}\nfunctions: {Explore: {clearance: []}}",
            "`Explore` may read `Customers` by its role, and may not learn `pii`",
            "note",
            "4:13",
        ),
        (
            "functions: {Worker: {writes: [Reports]}}",
            "may write to `Reports` by its `writes`, but not by its role",
            "warning",
            "3:13",
        ),
        (
            "functions: {Worker: {invokes: [Explore]}}",
            "may invoke `Explore` by its `invokes`, but not by its role",
            "warning",
            "3:13",
        ),
        (
            "functions: {Worker: {from: [Explore]}}",
            "`Explore` may have `Worker` run by this `from`, but not by its role",
            "warning",
            "3:13",
        ),
        (
            "functions: {Worker: {clearance: [], may-remove: {pii: {into: []}}}}",
            "may remove `pii`, but may not learn it",
            "warning",
            "3:13",
        ),
        (
            "functions: {Worker: {may-remove: {pii: {into: [Reports]}}}}",
            "on the way to `Reports`, but its role grants no write there",
            "warning",
            "3:13",
        ),
        (
            "stores: {Jobs: {from: []}}\nfunctions: {Checkout: {may-remove: {pii: {into: [Jobs]}}}}",
            "on the way to `Jobs`, which takes nothing from it (valve.yaml:3:10)",
            "warning",
            "4:13",
        ),
        (
            "functions: {Checkout: {writes: [], may-remove: {pii: {into: [Jobs]}}}}",
            "on the way to `Jobs`, which its `writes` leaves out",
            "warning",
            "3:13",
        ),
        (
            "stores: {Jobs: {accepts: [pii]}}\nfunctions: {Checkout: {may-remove: {pii: {into: [Jobs]}}}}",
            "which accepts it anyway",
            "note",
            "4:13",
        ),
        ("operations: {'a:B': {reveals: ['a:x']}}", "what it is sent is not judged", "warning", "3:14"),
        ("logs: {}", "nothing carries a label", "note", ""),
    ],
)
def test_a_line_in_vain_or_at_a_risk_is_found(text: str, words: str, severity: str, place: str) -> None:
    bare = example()
    more = {name: resource(name, "AWS::SQS::Queue") for name in ("Idle", "Sink")}
    reader = function("Reader", allow("sqs:ReceiveMessage", more["Sink"]))
    app = Stack(
        "app",
        bare.account,
        bare.region,
        {**bare.functions, "Reader": reader},
        {**bare.resources, **more},
        file="t",
    )
    told = only(text, words, app)
    assert told[:2] == (severity, f"valve.yaml:{place}" if place else "valve.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "stores: {Orders: {holds: [pii]}, Jobs: {accepts: [pii], from: [Checkout]}}",
        "stores: {Orders: {attributes: {a: [pii/a], b: [pii/b]}}, Jobs: {accepts: [pii]}}",
        "stores: {Orders: {holds: [card]}, 'https://pay.test/*': {accepts: [card]}}",
        "stores: {Uploads: {objects: {'{t}/{u}/*': {holds: ['t/{t}']}, 'x-{t}': {holds: ['t/{t}']}}}}",
        "stores: {Uploads: {objects: {'a/*': {holds: [pii]}, 'b/*': {holds: [pii]}}}}",
        "stores: {Orders: {holds: [pii]}, 'https://a.test/x/*': {accepts: [pii]}, 'https://a.test/*': {}}",
        "events: {Checkout.Api: {label: ['user/{requestContext.authorizer.claims.sub}']}}",
        "stores: {Jobs: {holds: [pii]}}\nfunctions: {Worker: {clearance: [pii]}, Checkout: {writes: [Jobs]}}",
        "stores: {Customers: {holds: [pii]}}\n"
        "functions: {Anonymise: {may-remove: {pii: {into: [Analytics]}}}}",
    ],
)
def test_a_line_that_matters_is_left_alone(text: str) -> None:
    about = [f for f in found(text, example()) if "valve.yaml:2:" not in f[1]]
    assert about == []


def test_wide_grants_and_roles_from_outside_are_said() -> None:
    loose = allow("dynamodb:*", "*", why="AmazonDynamoDBFullAccess", loose=True)
    logs = allow("logs:PutLogEvents", "*", why="AWSLambdaBasicExecutionRole", loose=True)
    app = stack(
        table("Customers", "id"),
        function("One", loose, logs),
        function("Two", loose),
        function("Three", unmanaged_role=True),
    )
    notes = [f for f in found("stores: {Customers: {holds: [pii]}}", app) if "granted" in f[2]]
    assert [(s, w) for s, w, _ in notes] == [("note", "template.yaml:50:3"), ("note", "template.yaml:60:9")]
    assert "the role of `Three`" in notes[0][2]
    assert "`AmazonDynamoDBFullAccess` grants `One`, `Two`" in notes[1][2]


def test_a_delivery_reaches_a_store_and_writes_to_it() -> None:
    topic, queue = resource("News", "AWS::SNS::Topic"), resource("Inbox", "AWS::SQS::Queue")
    reader = function("Reader", triggers=(Trigger("Reader", "In", "SQS", queue.arn),))
    app = stack(topic, queue, reader, deliveries=(Delivery(topic.arn, queue.arn),))
    text = "stores: {News: {holds: [pii]}, Inbox: {accepts: [pii]}}"
    assert not [f for f in found(text, app) if "Inbox" in f[2] or "News" in f[2]]


def test_receiving_a_message_is_no_write_to_its_queue() -> None:
    queue = resource("Inbox", "AWS::SQS::Queue")
    app = stack(queue, function("Reader", allow("sqs:ReceiveMessage sqs:DeleteMessage", queue)))
    only("stores: {Inbox: {accepts: [pii], holds: [pii]}}", "nothing writes to `Inbox`", app)


@pytest.mark.parametrize(
    ("actions", "resources", "grants"),
    [
        ("s3:Get*", "arn:aws:s3:::app-*", {"read"}),
        ("s3:PutObject", "arn:aws:s3:::app-uploads/in/*", {"write"}),
        ("*", "*", {"read", "write"}),
        ("s3:*", "*", {"read", "write"}),
        ("s3:GetObject S3:putobject", "arn:aws:s3:::app-uploads/*", {"read", "write"}),
        ("s3:GetObject", "arn:aws:s3:::app-uploads-old/*", set()),
        ("s3:GetObject", "arn:aws:s3:::app-upload?", {"read"}),
        ("s3:GetObject", "arn:aws:s3:::${Tenant}/*", {"read"}),
        ("sqs:*", "*", set()),
    ],
)
def test_grants_are_read_as_iam_writes_them(actions: str, resources: str, grants: set[str]) -> None:
    from valve_aws.policy.access import Access

    bucket = resource("Uploads", "AWS::S3::Bucket")
    one = function("One", allow(actions, resources))
    assert set(Access(stack(bucket, one)).of(one, bucket.arn)) == grants


def test_a_policy_of_no_file_is_checked_too() -> None:
    told = dead(FlowPolicy(), example())
    assert [f.where for f in told if "nothing carries" in f.text] == [Where("")]


def test_a_store_of_another_account_is_nobodys_to_grant() -> None:
    theirs = f"arn:aws:sqs:{REGION}:999999999999:partner"
    text = f"stores: {{Orders: {{holds: [pii]}}, '{theirs}': {{accepts: [pii]}}}}"
    assert not [f for f in found(text, example()) if "partner" in f[2]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{Worker: {may-presign: {Uploads: {operations: [GetObject]}}}}", "role grants no read there"),
        ("{Worker: {may-presign: {Uploads: {operations: PutObject, keys: 'a/*'}}}}", "grants no write there"),
        ("{Resize: {writes: [], may-presign: {Uploads: {operations: PutObject}}}}", "`writes` leaves out"),
        ("{Resize: {may-presign: {Uploads: {operations: PutObject}}}}", "for any key"),
        (
            "{Resize: {may-presign: {Uploads: {operations: GetObject, expires: 90000}}}}",
            "for 90000 seconds; on AWS a link ends with its role's session",
        ),
        (
            "{Resize: {may-presign: {Uploads: {operations: GetObject, into: ['https://a.test/*']}}}}",
            "into `https://a.test/*`, which no line of `stores` names",
        ),
    ],
)
def test_a_line_of_may_presign_in_vain_or_wide_is_found(text: str, words: str) -> None:
    severity, _, told = only(f"functions: {text}", words)
    assert severity == "warning"
    assert "may presign `Uploads`" in told


def test_a_link_to_read_what_no_result_takes_is_found() -> None:
    line = "functions: {Resize: {may-presign: {Uploads: {operations: [GetObject]}}}}\n"
    only(line + "stores: {Uploads: {holds: [pii]}}", "no result accepts `pii`")
    accepted = line + "stores: {Uploads: {holds: [pii]}}\nresults: {accepts: [pii]}"
    assert not [told for _, _, told in found(accepted, example()) if "no result accepts" in told]


def test_a_narrow_line_of_may_presign_is_not_found_fault_with() -> None:
    text = "functions: {Resize: {may-presign: {Uploads: {operations: [PutObject], keys: '{tenant}/*'}}}}"
    assert not [told for _, _, told in found(text, example()) if "may presign" in told]
