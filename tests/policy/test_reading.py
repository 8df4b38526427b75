"""A policy means what the design says it means, and every mistake in one is told with its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.application import EXAMPLE, HERE, example
from valve_aws.model.label import ANY
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.policy import read
from valve_aws.text import parse

Reads = Callable[[str], FlowPolicy]
Refuses = Callable[[str], Invalid]

START = "version: 1\nlabels: {pii: {}, card: {}}\n"


def rule_of(found: FlowPolicy, written: str):  # type: ignore[no-untyped-def]  # a StoreRule
    return next(r for r in found.stores if r.written == written)


def test_the_example_of_the_design_is_read_whole(policy: Reads) -> None:
    found = policy(EXAMPLE)
    assert found.mode is Mode.ENFORCE
    assert found.tags["pii"].only_to is None
    assert found.tags["card"].only_to == ("https://api.stripe.com/*",)
    assert rule_of(found, "Customers").attributes["email"].patterns == ("pii/email",)
    (item,) = rule_of(found, "Orders").cells
    assert item.key == {"pk": "{tenant}#{id}"}
    assert item.holds.patterns == item.accepts.patterns == ("tenant/{tenant}",)
    assert rule_of(found, "Uploads").cells[0].key == {"": "{tenant}/*"}
    analytics = rule_of(found, "Analytics")
    assert analytics.target == f"arn:aws:sqs:{HERE}:app-analytics"
    assert (analytics.sources, analytics.sealed, analytics.declares_accepts) == (("Anonymise",), True, True)
    assert found.functions["Resize"].clearance.patterns == ()
    explore = found.functions["Explore"]
    assert explore.clearance.patterns == (ANY,)
    assert explore.writes == ()
    assert explore.invokes == (f"arn:aws:lambda:{HERE}:function:app-anonymise",)
    assert found.functions["Anonymise"].may_remove == {"pii": (f"arn:aws:sqs:{HERE}:app-analytics",)}
    assert found.events["Checkout.Api"].patterns == ("card", "user/{requestContext.authorizer.claims.sub}")
    assert found.results["default"].patterns == ()
    assert found.logs.release.keys() == {"orderId"}
    assert (found.operations[0].service, found.operations[0].writes) == (
        "bedrock-runtime",
        ("bedrock:model",),
    )
    assert found.grants[0].configure == ("arn:aws:s3:::app-reports",)
    assert found.file == "valve.yaml"


def test_what_a_request_must_say_is_known_by_its_name_in_lower_case(policy: Reads) -> None:
    digest = "sha256:" + "0" * 64
    found = policy(
        START
        + 'stores: {"https://a.test/*": '
        + f'{{with: {{X-Account: a1, Authorization: "{digest}", "?K": ~, /A/b: c}}}}}}'
    )
    wanted = {"x-account": "a1", "authorization": digest, "?k": None, "/a/b": "c"}
    assert found.stores[0].demands == wanted


def test_every_line_knows_its_place(policy: Reads) -> None:
    found = policy(EXAMPLE)
    assert found.tags["card"].where == Where("valve.yaml", 5, 3)
    assert rule_of(found, "Analytics").where == Where("valve.yaml", 11, 3)
    assert rule_of(found, "Analytics").accepts.where == Where("valve.yaml", 11, 24)
    assert rule_of(found, "Uploads").cells[0].where == Where("valve.yaml", 10, 25)
    assert found.functions["Resize"].clearance.where == Where("valve.yaml", 16, 26)
    assert found.grants[0].where == Where("valve.yaml", 28, 5)


@pytest.mark.parametrize(
    ("text", "place", "words", "remedy"),
    [
        ("mode: audit", "1:1", "does not say its version", "version: 1"),
        ("", "1:1", "does not say its version", "version: 1"),
        ("[version]", "1:1", "a policy must be a mapping, not a list", "key: value"),
        ("version: 2", "1:10", "no version `2`", "version: 1"),
        ("version: yes", "1:10", "no version `true`", "version: 1"),
        ("version: 1.0", "1:10", "no version `1.0`", "version: 1"),
        ("version: 1\nmoed: audit", "2:1", "no `moed`", "`mode`"),
        ("version: 1\nmode: enforced", "2:7", "no mode `enforced`", "`enforce`"),
        ("version: 1\nmode: on", "2:7", "no mode `true`", "`enforce`"),
        ("version: 1\nlabels: [pii]", "2:9", "`labels` must be a mapping, not a list", "key: value"),
        ("version: 1\nlabels: {PII: {}}", "2:10", "`PII` is no tag", "lower-case"),
        ('version: 1\nlabels: {"a/{b}": {}}', "2:10", "nothing fills `{b}`", "fills"),
        ("version: 1\nlabels: {pii: {onlyto: []}}", "2:16", "no `onlyto`", "`only-to`"),
        ("version: 1\nlabels: {pii: {only-to: [Custmers]}}", "2:26", "no `Custmers`", "`Customers`"),
        (START + "stores: {Custmers: {}}", "3:10", "no `Custmers`", "`Customers`"),
        (START + "stores: {Role: {}}", "3:10", "holds no data", "bucket"),
        (START + "stores: {Jobs: {hold: [pii]}}", "3:17", "no `hold`", "`holds`"),
        (START + "stores: {Jobs: {holds: [pi]}}", "3:25", "`pi` is not declared", "`pii`"),
        (START + "stores: {Jobs: {holds: [1]}}", "3:25", "not `1`", "quote"),
        (START + "stores: {Jobs: {holds: ~}}", "3:24", "not nothing", "[]"),
        (START + 'stores: {Jobs: {accepts: ["t/{x}"]}}', "3:27", "nothing fills `{x}`", "field"),
        (START + 'stores: {Jobs: {accepts: ["{x}"]}}', "3:27", "could choose any tag", "tenant/{tenant}"),
        (
            START + "stores: {Uploads: {objects: {'{a}/{b}': {holds: ['t/x{a}']}}}}",
            "3:50",
            "only a part of a segment",
            "tenant/{tenant}",
        ),
        (START + "stores: {Jobs: {from: [Wroker]}}", "3:24", "no function `Wroker`", "`Worker`"),
        (START + "stores: {Jobs: {from: [Customers]}}", "3:24", "no function `Customers`", ""),
        (START + 'stores: {Jobs: {sealed: "yes"}}', "3:25", "`true` or `false`", ""),
        (START + "stores: {Jobs: {with: {a: b}}}", "3:17", "asked over HTTP", "https://host/*"),
        (START + 'stores: {"https://a.test/*": {with: {"a b": c}}}', "3:38", "neither a header", "x-account"),
        (START + 'stores: {"https://a.test/*": {with: {"/a/": c}}}', "3:38", "neither a header", "/account"),
        (START + 'stores: {"https://a.test/*": {with: {a: "sha256:00"}}}', "3:41", "no request can", "64"),
        (START + 'stores: {"https://a.test/*": {with: {a: b, A: c}}}', "3:44", "stands there twice", "keep"),
        (START + "stores: {Jobs: {objects: {}}}", "3:17", "only a bucket has `objects`", "holds"),
        (START + "stores: {Uploads: {items: []}}", "3:20", "only a table has `items`", "holds"),
        (START + 'stores: {"https://a.test/*": {attributes: {}}}', "3:31", "only a table", "holds"),
        (START + "stores: {Orders: {items: [{holds: [pii]}]}}", "3:27", "no `key`", "write `key"),
        (START + "stores: {Orders: {items: [{key: {}}]}}", "3:27", "no `key`", "write `key"),
        (START + "stores: {Orders: {items: [{key: {pk: x}}]}}", "3:27", "neither `holds`", "say one"),
        (
            START + "stores: {Orders: {items: [{key: {id: x}, holds: [pii]}]}}",
            "3:34",
            "no key attribute",
            "`pk`",
        ),
        (START + "stores: {Orders: {items: [{key: {pk: 1}, holds: [pii]}]}}", "3:38", "not `1`", "quote"),
        (START + 'stores: {Uploads: {objects: {"": {holds: [pii]}}}}', "3:30", "empty pattern", "`*`"),
        (
            START + 'stores: {Uploads: {objects: {"{a}{b}": {holds: [pii]}}}}',
            "3:30",
            "one part ends",
            "between",
        ),
        (
            START + 'stores: {Uploads: {objects: {"{a}*": {holds: [pii]}}}}',
            "3:30",
            "one part ends",
            "between",
        ),
        (START + 'stores: {Uploads: {objects: {"*/{a}": {holds: [pii]}}}}', "3:30", "follows a `*`", "any"),
        (START + 'stores: {Uploads: {objects: {"{a b}/": {holds: [pii]}}}}', "3:30", "a brace", "{name}"),
        (
            START + 'stores: {Uploads: {objects: {"{t}/*": {holds: ["t/{u}"]}}}}',
            "3:48",
            "nothing fills `{u}`",
            "`t`",
        ),
        (
            START + f'stores: {{Jobs: {{}}, "arn:aws:sqs:{HERE}:app-jobs": {{}}}}',
            "3:20",
            "same store as `Jobs` at valve.yaml:3:10",
            "into one",
        ),
        (
            START + 'stores: {"https://a.test/*": {}, "HTTPS://A.test:443/*": {}}',
            "3:34",
            "no place outside",
            "",
        ),
        (START + 'stores: {"https://a.test/*": {}, "https://A.test:443/*": {}}', "3:34", "same store", "one"),
        (START + "functions: {Wroker: {}}", "3:13", "no function `Wroker`", "`Worker`"),
        (START + "functions: {Worker: {clearence: []}}", "3:22", "no `clearence`", "`clearance`"),
        (
            START + "functions: {Worker: {clearance: [all]}}",
            "3:34",
            "`all` is not declared",
            "clearance: all",
        ),
        (START + "functions: {Worker: {clearance: !Ref all}}", "3:33", "`!Ref`", "write it out"),
        (START + "functions: {Worker: {invokes: [Jobs]}}", "3:32", "cannot be invoked", ""),
        (START + "functions: {Worker: {writes: [[Jobs]]}}", "3:31", "not a list", ""),
        (START + "functions: {Worker: {may-remove: {pii: [Jobs]}}}", "3:40", "a mapping", ""),
        (START + "functions: {Worker: {may-remove: {pii: {}}}}", "3:40", "no `into`", "{into: [...]}"),
        (
            START + "functions: {Worker: {may-remove: {pij: {into: []}}}}",
            "3:35",
            "`pij` is not decl",
            "`pii`",
        ),
        (START + "functions: {Worker: {may-presign: {Jobs: {}}}}", "3:36", "is no bucket", "name a bucket"),
        (START + "functions: {Worker: {may-presign: {Uploads: {}}}}", "3:45", "no `operations`", "[Put"),
        (
            START + "functions: {Worker: {may-presign: {Uploads: {operations: [PutObjekt]}}}}",
            "3:59",
            "no link to `PutObjekt`",
            "`PutObject`",
        ),
        (
            START + "functions: {Worker: {may-presign: {Uploads: {operations: PutObject, expires: 700000}}}}",
            "3:78",
            "not `700000`",
            "604800",
        ),
        (
            START + "functions: {Worker: {may-presign: {Uploads: {operations: PutObject, keys: '*{x}'}}}}",
            "3:75",
            "`{x}`",
            "",
        ),
        (
            START + "functions: {Worker: {may-presign: {Uploads: {operations: PutObject, into: []}}}}",
            "3:75",
            "names no place",
            "results",
        ),
        (
            START + "functions: {Worker: {may-presign: {Uploads: {operations: PutObject, into: Uploads}}}}",
            "3:75",
            "an object's bytes go as they are",
            "message",
        ),
        (
            START + "events: {Checkout: {label: []}}",
            "3:10",
            "no function has the event `Checkout`",
            "Checkout.A",
        ),
        (START + "events: {Checkout.Ap: {label: []}}", "3:10", "event `Checkout.Ap`", "`Checkout.Api`"),
        (START + "events: {Checkout.Api: [pii]}", "3:24", "a mapping", ""),
        (START + "Uploads: {accepts: []}", "3:1", "no `Uploads`", "put it under `stores`"),
        (START + "Checkout: {clearance: []}", "3:1", "no `Checkout`", "put it under `functions`"),
        (START + "results: {Checkot: {accepts: []}}", "3:11", "`Checkot`", "`Checkout`"),
        (START + "results: {accepts: [], default: {accepts: []}}", "3:24", "short for `default`", "keep one"),
        (START + "logs: {accepts: [], release: {x: '.*'}}", "3:34", "lets anything go", "[a-z0-9]"),
        (START + "logs: {release: {'a b': x}}", "3:18", "`a b`", "letters"),
        (START + "operations: {InvokeModel: {writes: []}}", "3:14", "names no operation", "bedrock-runtime:"),
        (START + "operations: {'s3:getObject': {writes: []}}", "3:14", "names no operation", ""),
        (START + "operations: {'a:B': {}}", "3:14", "neither where it `writes`", "say both"),
        (START + "grant: {functions: [Deploy]}", "3:8", "`grant` is a list", "- "),
        (
            START + "grant: [{functions: [Deploy], configure: [Reports]}]",
            "3:9",
            "no `why`",
            "it opens an exit",
        ),
        (
            START + "grant: [{functions: [Deploy], configure: [Reports], why: ' '}]",
            "3:58",
            "no reason",
            "why",
        ),
        (START + "grant: [{functions: [], configure: [Reports], why: x}]", "3:21", "names nothing", "one"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(
    mistake: Refuses, text: str, place: str, words: str, remedy: str
) -> None:
    told = mistake(text)
    assert str(told.where) == f"valve.yaml:{place}"
    assert words in told.problem
    assert remedy in told.remedy
    assert str(told)[-1] != "."


def test_yaml_takes_off_for_false_and_it_is_the_mode_off(policy: Reads) -> None:
    assert policy("version: 1\nmode: off").mode is Mode.OFF
    assert policy("version: 1\nmode: 'off'").mode is Mode.OFF
    assert policy("version: 1").mode is Mode.ENFORCE


def test_a_tag_below_a_declared_one_is_declared(policy: Reads) -> None:
    found = policy(START + "stores: {Jobs: {holds: [pii/email/work, pii]}}")
    assert found.stores[0].holds.patterns == ("pii/email/work", "pii")


def test_one_word_may_stand_for_a_list_of_one(policy: Reads) -> None:
    found = policy(START + "stores: {Jobs: {holds: pii, from: Checkout}}")
    assert (found.stores[0].holds.patterns, found.stores[0].sources) == (("pii",), ("Checkout",))


def test_what_is_said_twice_counts_once(policy: Reads) -> None:
    found = policy(START + "stores: {Jobs: {holds: [pii, pii], from: [Worker, Worker]}}")
    assert (found.stores[0].holds.patterns, found.stores[0].sources) == (("pii",), ("Worker",))


def test_nothing_below_a_section_is_an_empty_section(policy: Reads) -> None:
    sections = ("labels", "stores", "functions", "events", "results", "logs", "operations", "grant")
    found = policy("version: 1\n" + "".join(f"{name}:\n" for name in sections))
    assert (found.tags, found.stores, found.grants) == ({}, (), ())


def test_results_stand_by_event_by_function_and_by_default(policy: Reads) -> None:
    found = policy(
        START + "results: {accepts: [], Checkout: {accepts: [pii]}, Checkout.Admin: {accepts: [card]}}"
    ).results
    assert {name: tags.patterns for name, tags in found.items()} == {
        "default": (),
        "Checkout": ("pii",),
        "Checkout.Admin": ("card",),
    }


def test_names_of_a_template_s_metadata_may_be_references(app: Stack) -> None:
    node = parse(
        "version: 1\nstores: {Jobs: {from: [!Ref Worker]}}\n"
        "functions:\n  Worker:\n    writes:\n"
        "    - !Ref Jobs\n    - !GetAtt Uploads.Arn\n    - Ref: Orders\n    - Fn::GetAtt: [Reports, Arn]\n",
        "template.yaml",
    )
    found = read(node, app, "template.yaml")
    assert found.functions["Worker"].writes == tuple(
        app.resources[name].arn for name in ("Jobs", "Uploads", "Orders", "Reports")
    )
    assert found.stores[0].sources == ("Worker",)


@pytest.mark.parametrize(
    "written", ["!Sub Jobs", "!GetAtt Jobs.QueueName", "{Ref: [Jobs]}", "!Ref Bucket", "{Ref: Jobs, x: y}"]
)
def test_a_reference_that_names_no_store_is_refused(mistake: Refuses, written: str) -> None:
    told = mistake(START + f"functions: {{Worker: {{writes: [{written}]}}}}")
    assert str(told.where).startswith("valve.yaml:3:31")


def test_a_short_form_where_a_value_should_stand_is_refused(mistake: Refuses) -> None:
    assert "`!Sub`" in mistake(START + "stores: {Jobs: {holds: [!Sub pii]}}").problem
    assert "`!If`" in mistake(START + "stores: !If [a, b, c]").problem


def test_a_policy_that_is_not_text_with_places_still_says_the_file(app: Stack) -> None:
    with pytest.raises(Invalid, match=r"^p\.yaml: "):
        read(Node(None, Where("")), app, "p.yaml")


def test_the_example_names_only_what_its_stack_has() -> None:
    bare = example()
    for missing in ("Analytics", "Customers"):
        less = {k: v for k, v in bare.resources.items() if k != missing}
        thinner = Stack("app", bare.account, bare.region, bare.functions, less)
        with pytest.raises(Invalid, match=f"has no `{missing}`"):
            read(parse(EXAMPLE, "valve.yaml"), thinner, "valve.yaml")
