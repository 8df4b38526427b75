"""A form as the call that it is: one that was posted, and one that somebody else may post.

Knows how a form's policy becomes a PutObject with its effect. Does not know multipart bodies.
"""

from __future__ import annotations

from dataclasses import replace

from valve_aws.aws import postform
from valve_aws.aws.credentials import Signed
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.hosts import Site
from valve_aws.aws.keyring import Issued
from valve_aws.aws.plan import Match, Plan, s3_segments
from valve_aws.aws.reading import Reading
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Effect, Head, Key, Link
from valve_aws.model.cell import Extent, Span

FREE = frozenset({"key", "content-type", "content-disposition", "cache-control", "content-encoding"})
"""Fields that a form's poster may choose, within how they begin."""

ANSWERS = {"200": 200, "201": 201, "204": 204}


def posted_call(reading: Reading, head: Head, body: bytes | None, key: Key) -> AwsCall:
    """Return the call that a posted form is; raises `Unclear`, `NotCanonical`."""
    plan = reading.plan(head)
    directory = reading.planner.directory
    if plan.site.genuine and not plan.site.bare and "s3" not in directory.prefix(plan.site.prefix, False):
        raise Unclear("it posts a form to a service that takes none")
    segments = s3_segments(head, plan.site, plan.path)
    if len(segments) != 1 or plan.query or plan.signed.kind:
        raise Unclear("it posts a form, but not to a bucket")
    form = postform.posted(head, body or b"")
    signed = postform.claimed(form.fields)
    if plan.site.region and signed.region and plan.site.region != signed.region:
        raise Unclear(f"its form is signed for `{signed.region}` but sent to `{plan.site.region}`")
    foreign = reading.foreign(plan, signed.key, key)
    if signed.key == key.access_key:
        allowed = postform.check(form.fields, signed, key, reading.now())
        postform.fitting(allowed, form.fields, segments[0], len(form.content))
    params = postform.parameters(form.fields, segments[0], form.filename)
    there = replace(plan, region=signed.region or plan.region)
    call = reading.judged(there, _put(reading), params, signed.key, foreign, None)
    answer = form.fields.get("success_action_status", "204")
    left = [value for name, value in form.fields.items() if name not in postform.SIGNING]
    leaving = "\n".join([head.target, *left]).encode() + b"\n" + form.content
    return reading.watched(
        replace(call, content=form.content, answer=ANSWERS.get(answer, 204)), leaving, call.params
    )


def form_link(reading: Reading, issued: Issued, given: dict[str, str]) -> Link:
    """Return the link that a form is for whoever has it; raises `Unclear`, `NotCanonical`.

    What it allows is what its policy says, not what its fields are now.
    """
    fields = postform.lower(given)
    signed = postform.claimed(fields)
    allowed = postform.check(fields, signed, issued.key, reading.now())
    bucket, key = allowed.of("bucket"), allowed.of("key")
    if bucket is None or key is None or bucket.how != "eq":
        raise Unclear("its policy does not say which bucket and key it is for")
    for condition in allowed.conditions:
        meta = condition.name.startswith("x-amz-meta-")
        if not meta and condition.name not in postform.PLAIN:
            raise Unclear(f"its policy's `{condition.name[:60]}` is not read here")
        if condition.how != "eq" and not meta and condition.name not in FREE:
            raise Unclear(f"its policy leaves `{condition.name[:60]}` to whoever posts it")
    prefix = _prefix(key)
    fixed = {c.name: c.value for c in allowed.conditions if c.how == "eq" and c.name not in postform.SIGNING}
    # Why a star: what a role allows for one key by name it does not allow for all that begin so.
    fixed["key"] = key.value if prefix is None else prefix + "*"
    fixed.pop("bucket")
    params = postform.parameters(fixed, bucket.value)
    call = reading.judged(_nowhere(reading, signed), _put(reading), params, signed.key, "", None)
    if prefix is not None:
        call = replace(call, effect=_widened(call.effect, prefix))
    return Link(allowed.text, issued.function, issued.environment, call, allowed.ends, True, prefix)


def _prefix(key: postform.Condition) -> str | None:
    """Return how every key begins that a condition allows; None when it allows one alone."""
    if key.how == "eq" and "${filename}" not in key.value:
        return None
    return key.value.partition("${filename}")[0]


def _widened(effect: Effect, prefix: str) -> Effect:
    def wide(extents: tuple[Extent, ...]) -> tuple[Extent, ...]:
        return tuple(replace(e, span=Span.PREFIX, name=prefix) if e.span is Span.ONE else e for e in extents)

    return replace(
        effect,
        consults=wide(effect.consults),
        reveals=wide(effect.reveals),
        changes=wide(effect.changes),
    )


def _put(reading: Reading) -> Match:
    service = reading.planner.directory.service("s3")
    return Match(service, service.operations["PutObject"], "rest-xml")


def _nowhere(reading: Reading, signed: Signed) -> Plan:
    """Return a plan of a request that nobody has made yet."""
    region = signed.region or reading.planner.region
    return Plan(Signed(""), Site(True), region, "/", {}, {}, ())
