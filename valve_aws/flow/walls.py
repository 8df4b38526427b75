"""The steps of the judgement that look at no label: policy, template and request decide them alone (laws 6,
7, 8, 14).

Knows why a call is refused whatever it carries. Does not know the book.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from valve_aws.flow import perimeter, words
from valve_aws.flow.case import Case
from valve_aws.flow.rules import Rules
from valve_aws.flow.targets import URL
from valve_aws.model.call import UNREAD
from valve_aws.model.cell import Part
from valve_aws.model.label import ANY, excess
from valve_aws.model.source import NOWHERE
from valve_aws.model.verdict import Reason, Rule

AWS_NAMES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
"""Names that lead to AWS itself. Looking one up tells nobody anything: the valve answers and asks no one."""

NONE: tuple[Reason, ...] = ()
"""Why given back by most walls and not a generator that yields nothing: most calls are refused by none."""

TAKEN = frozenset({Part.CONTENT, Part.CONFIG})
"""Why not names and counts: whoever receives a message changes those, and is no source of what the store
holds.
"""


def credential(_: Rules, case: Case) -> Iterable[Reason]:
    """Law 6: signed with a key that was not issued to this very environment, or otherwise not ours."""
    why = case.plan.call.foreign
    return (Reason(Rule.CREDENTIAL, why),) if why else NONE


def held(_: Rules, case: Case) -> Iterable[Reason]:
    """Law 17: a credential of this run stands in what the call sends."""
    what = case.plan.call.held
    return (words.withheld(what),) if what else NONE


def foreign(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 6: a resource that is not of this stack."""
    call = case.plan.call
    if call.service == "valve":
        return NONE
    found: list[Reason] = []
    delivers = call.effect.delivers
    for store in dict.fromkeys((*case.plan.stores, *delivers)) if delivers else case.plan.stores:
        why = rules.perimeter.foreign(case.who.function, store)
        if why:
            fix = f"stores: {{{words.accept(store, case.out())}}}  makes it part of this stack"
            found.append(Reason(Rule.PERIMETER, why, store=store, fixes=(fix,)))
    return found


def host(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 5: a host that the policy does not name, be it only its name that is looked up."""
    return _unnamed(rules, case) if case.plan.call.service == "valve" else NONE


def _unnamed(rules: Rules, case: Case) -> Iterator[Reason]:
    call = case.plan.call
    for target in call.resources:
        if call.operation == "Resolve":
            name = target.removeprefix("dns:")
            known = name.endswith(AWS_NAMES) or rules.declares_host(name)
        else:
            known = rules.ceilings.store(target).declared
        if not known:
            fix = f"stores: {{{words.accept(_declared(target), case.out())}}}"
            yield Reason(Rule.HOST, f"nothing in the policy names `{target}`", store=target, fixes=(fix,))


def demanded(rules: Rules, case: Case) -> Iterator[Reason]:
    """`with`: whose account it is at a host, as the request says by its head and body (A28).

    Why of every request, reading too: whoever reads at another's account takes what that one wrote.
    """
    call = case.plan.call
    if call.operation != "Visit":
        return
    for target in call.resources:
        store = rules.ceilings.store(target)
        for name, wanted in store.rule.demands.items():
            given = [value for each, value in call.stated if each == name]
            what = "is not to be there" if wanted is None else "is not the one that the policy names"
            if unread := name.startswith(IN_BODY) and UNREAD in call.stated:
                what = "stands in a body that cannot be read with certainty"
            if unread or not _said(wanted, given):
                yield Reason(
                    Rule.WITH,
                    f"`{name}` of the request {what}",
                    store.where,
                    target,
                    fixes=(f"send {store.title} what its `with` names",),
                )


def _said(wanted: str | None, given: list[str]) -> bool:
    if wanted is None or len(given) != 1:
        return wanted is None and not given
    if wanted.startswith(HASHED):
        return HASHED + sha256(given[0].encode("utf-8", "surrogateescape")).hexdigest() == wanted
    return given[0] == wanted


HASHED = "sha256:"
IN_BODY = "/"
"""How the names begin that are looked for in a request's body."""


def _declared(target: str) -> str:
    """Return the name under which a policy would declare a host, or one whose name is looked up."""
    m = URL.fullmatch(target)
    if m is None:
        return f"https://{target.removeprefix('dns:')}/*"
    return target if m[1] == "tcp" else f"{m[1]}://{m[2]}/*"


def unknown(_: Rules, case: Case) -> Iterable[Reason]:
    """Law 7: no effect row, and no line of `operations`."""
    call = case.plan.call
    if call.known or case.plan.declared is not None:
        return NONE
    name = f"{call.service}:{call.operation}"
    fix = f'operations: {{"{name}": {{writes: […], reveals: […]}}}}'
    return (Reason(Rule.UNKNOWN, f"what `{name}` does is not known", fixes=(fix,)),)


def configure(rules: Rules, case: Case) -> Iterable[Reason]:
    """Law 8: opening an exit needs a line of `grant` for this function and every store whose exit it is."""
    return _opening(rules, case) if case.plan.call.effect.opens else NONE


def _opening(rules: Rules, case: Case) -> Iterator[Reason]:
    plan = case.plan
    stores = [s for s in dict.fromkeys(e.store for e in plan.changes) if not perimeter.names(s)]
    for store in stores or plan.stores or ("",):
        if not rules.may_configure(case.who.function, store):
            title = rules.ceilings.store(store).title
            fix = f'grant: [{{functions: [{case.who.function}], configure: [{words.key(title)}], why: "…"}}]'
            yield Reason(
                Rule.CONFIGURE,
                f"{plan.call.effect.opens}; no `grant` lets {case.who.function} do that",
                rules.line_of(case.who.function),
                store,
                fixes=(fix,),
            )


def granted(rules: Rules, case: Case) -> Iterable[Reason]:
    """The template's own statements: what the role does not allow, AWS would refuse as well."""
    found: list[Reason] = []
    for action, resource in case.plan.call.actions:
        if not rules.grants.granted(case.who.function, action, resource):
            owner = rules.stack.functions.get(case.who.function)
            text = f"its role does not allow {action} on {rules.stack.title(resource)}"
            where = owner.where if owner else NOWHERE
            fixes = (words.statement(action, resource),)
            found.append(Reason(Rule.GRANT, text, where, resource, fixes=fixes))
    return found


def narrowed(rules: Rules, case: Case) -> Iterator[Reason]:
    """`writes` and `invokes`: the policy lets this function write to, or invoke, less than its role does."""
    call, function = case.plan.call, case.who.function
    rule = rules.policy.functions.get(function)
    if rule is None or (rule.writes is None and rule.invokes is None):
        return
    runs = call.operation.startswith("Invoke") or "DurableExecution" in call.operation
    invokes = call.service == "lambda" and runs
    word, kind = ("invokes", Rule.INVOKES) if invokes else ("writes", Rule.WRITES)
    targets = rules.narrow.get((function, word))
    if targets is None:
        return
    for store in dict.fromkeys([e.store for e in case.plan.changes] + list(call.effect.delivers)):
        if not targets.covers(store):
            title = rules.ceilings.store(store).title
            yield Reason(
                kind,
                f"{title} is not among what {function} {word}",
                rule.where,
                store,
                fixes=(f"functions: {{{function}: {{{word}: [{words.key(title)}]}}}}",),
            )


def sources(rules: Rules, case: Case) -> Iterator[Reason]:
    """`from`: only the named functions may put something there, or have a function run, directly or by way of
    what delivers on.
    """
    direct = dict.fromkeys(e.store for e in case.plan.changes if e.part in TAKEN)
    reached = {
        **direct,
        **dict.fromkeys(case.plan.call.effect.delivers),
        **{onward.target: None for onward in rules.onward(case.plan)},
    }
    for name in reached:
        store = rules.ceilings.store(name)
        allowed = store.rule.sources
        if allowed is not None and case.who.function not in allowed:
            named = ", ".join(allowed) or "nobody"
            yield Reason(
                Rule.FROM,
                f"{store.title} takes only from {named}",
                store.where,
                name,
                fixes=(f"{words.key(store.title)}: {{from: {words.listed([*allowed, case.who.function])}}}",),
            )
        yield from _started(rules, case, name)


def _started(rules: Rules, case: Case, name: str) -> Iterator[Reason]:
    for function in rules.runs(name):
        rule = rules.policy.functions.get(function.logical)
        if rule is None or rule.sources is None or case.who.function in rule.sources:
            continue
        by = "" if function.arn == name else f", which {rules.ceilings.store(name).title} wakes,"
        line = f"{function.logical}: {{from: {words.listed([*rule.sources, case.who.function])}}}"
        yield Reason(
            Rule.FROM,
            f"{function.logical}{by} runs only for {', '.join(rule.sources) or 'nobody'}",
            rule.where,
            name,
            fixes=(f"functions: {{{line}}}",),
        )


def clearance(rules: Rules, case: Case) -> Iterator[Reason]:
    """Law 2 by law 14: the most that could be read must fit what the function may learn, whatever is there
    now.
    """
    cleared, where = rules.ceilings.clearance(case.who.function, case.who.fields)
    if ANY in cleared:
        return
    for extent in case.plan.reads + case.plan.consults:
        over = excess(rules.ceilings.most(extent).widest(), cleared)
        if over:
            title = rules.ceilings.store(extent.store).title
            yield Reason(
                Rule.CLEARANCE,
                f"{words.tags(over)} may be in {title}; {case.who.function} may learn {words.tags(cleared)}",
                where,
                extent.store,
                over,
                (words.clear(case.who.function, cleared | over),),
            )
            return
