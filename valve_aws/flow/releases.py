"""What an environment's own output may carry: results and log lines (law 11).

Knows the policy's `results` and `logs`. Does not know stores.
"""

from __future__ import annotations

import re

from valve_aws.flow import words
from valve_aws.flow.ceilings import filled
from valve_aws.model.label import CLEAN, Label, excess, within
from valve_aws.model.policy import FlowPolicy, Tags
from valve_aws.model.verdict import Principal, Reason, Rule, Verdict

LONGEST = 16384
"""Characters of a labelled line that are searched for what may leave it; an expression of the policy meets
hostile text.
"""


class Releases:
    """The two exits that are not calls."""

    def __init__(self, policy: FlowPolicy) -> None:
        self._policy = policy
        # Why the edges: a shape is released where it stands alone, not cut out of a longer word.
        self._shapes = {
            name: re.compile(rf"(?<![\w-])(?:{shape})(?![\w-])")
            for name, shape in policy.logs.release.items()
        }

    def accepted(self, who: Principal) -> Tags:
        """Return what a result may carry, by its trigger's line, else its function's, else the default."""
        by_name = self._policy.results
        name = next((n for n in (who.trigger, who.function) if n in by_name), "default")
        return by_name.get(name, Tags())

    def result(self, who: Principal) -> Verdict:
        """Judge an invocation's result."""
        accepts = self.accepted(who)
        title = f"the result of {who.trigger}" if who.trigger else "a result"
        fix = f"results: {{{who.trigger or who.function}: {{accepts: {words.listed(who.label)}}}}}"
        return self._judged(who, accepts, Rule.RESULT, title, fix)

    def log(self, who: Principal, line: str) -> tuple[Verdict, str]:
        """Judge one log line; return with the verdict what of it may go into log stores.

        Of a line that may not leave whole go the declared shapes alone, `name=value`, the first of each: many
        of one kind would be a channel.
        """
        fix = f"logs: {{accepts: {words.listed(who.label)}}}"
        verdict = self._judged(who, self._policy.logs.accepts, Rule.LOG, "its log", fix)
        if not verdict.refused:
            return verdict, line
        text = line[:LONGEST]
        found = ((name, shape.search(text)) for name, shape in self._shapes.items())
        return verdict, " ".join(f"{name}={m.group()}" for name, m in found if m)

    def _judged(self, who: Principal, accepts: Tags, rule: Rule, title: str, fix: str) -> Verdict:
        ceiling = filled(accepts, who.fields)
        over = excess(who.label, ceiling)
        refused = []
        if over:
            refused.append(
                Reason(rule, words.too_much(over, title, ceiling), accepts.where, title, over, (fix,))
            )
        refused += confined(self._policy, who.label)
        return Verdict(not refused, tuple(refused), writes=who.label, ways=who.ways)


def confined(policy: FlowPolicy, label: Label) -> list[Reason]:
    """Return the reasons of `only-to` against an exit that no target can name: a result, a log."""
    found = []
    for rule in policy.tags.values():
        over = frozenset(t for t in label if within(t, rule.tag)) if rule.only_to is not None else CLEAN
        if over:
            text = (
                f"{words.tags(over)}; {rule.tag} may only go to {', '.join(rule.only_to or ()) or 'nowhere'}"
            )
            found.append(Reason(Rule.ONLY_TO, text, rule.where, excess=over))
    return found
