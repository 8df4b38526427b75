"""A host that takes an account from the body: what cannot be read of it with certainty is not sent (A28).

Knows bodies too long, of no stated length, and small ones. What each says is tried in tests/aws.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.playbook.exchanges import OWN, Answer, Heard, Spoken, head_for
from tests.playbook.play import Stage
from valve_aws.model.verdict import Mode, Rule
from valve_aws.passage import crossing
from valve_aws.passage.crossing import LETTER

PINNED = '  "http://pay.test/*": {accepts: [pii], with: {/account: a1, /key: null}}\n'
OURS, THEIRS = b'{"account": "a1"}', b'{"account": "a2"}'


def posted(stage: Stage, body: bytes, length: int | None) -> Answer:
    """Send a body to the host that is declared, with a length that its head states, or none."""
    spoken = Spoken(head_for("POST", "http://pay.test/", **{"content-type": "application/json"}), body)
    spoken.length = length  # type: ignore[assignment]  # as of a chunked request
    asyncio.run(crossing.request(stage.passage, stage.subject(), OWN, spoken))  # type: ignore[arg-type]  # it has what is used
    assert spoken.answer is not None
    return spoken.answer


def stage(heard: Heard, mode: Mode = Mode.ENFORCE, more: str = PINNED) -> Stage:
    made = heard.stage(mode, more)
    made.passage.resolve = {("pay.test", 0): ("192.0.2.1", 80)}  # type: ignore[misc]  # a stub's
    return made


LONG = b'{"account": "a1", "text": "%s"}' % (b"x" * LETTER)


@pytest.mark.parametrize(
    ("body", "length"),
    [(THEIRS, len(THEIRS)), (OURS, None), (LONG, len(LONG)), (b"", 0)],
    ids=["another account", "no stated length", "too long", "none"],
)
def test_what_is_not_certainly_ours_is_not_sent(body: bytes, length: int | None) -> None:
    heard = Heard()
    assert posted(stage(heard, more='  "http://pay.test/*": {accepts: [pii]}\n'), body, length)[0] != 403
    assert heard.reached, "where the policy asks for nothing it arrives"
    heard = Heard()
    enforced = stage(heard)
    assert posted(enforced, body, length)[0] == 403
    assert not heard.reached
    assert {reason.rule for record in enforced.seen for reason in record.reasons} == {Rule.WITH}
    heard = Heard()
    posted(audited := stage(heard, Mode.AUDIT), body, length)
    assert heard.reached
    assert audited.seen[0].verdict == "refuse"


@pytest.mark.parametrize(("body", "length"), [(OURS, None), (LONG, len(LONG))], ids=["no length", "too long"])
def test_what_is_not_to_be_there_may_be_where_nobody_reads(body: bytes, length: int | None) -> None:
    forbidding = '  "http://pay.test/*": {accepts: [pii], with: {/key: null}}\n'
    heard = Heard()
    assert posted(stage(heard, more=forbidding), body, length)[0] == 403
    assert not heard.reached
    assert posted(stage(heard, more=forbidding), OURS, len(OURS))[0] != 403
    assert heard.reached


def test_what_is_ours_is_sent_as_it_came() -> None:
    heard = Heard()
    sent: list[Any] = []
    send = heard.send

    async def kept(*given: Any, **named: Any) -> Any:
        sent.append(given[4])
        return await send(*given, **named)

    heard.send = kept  # type: ignore[method-assign]  # it looks at the body
    assert posted(stage(heard), OURS, len(OURS))[0] != 403
    assert sent == [OURS]
