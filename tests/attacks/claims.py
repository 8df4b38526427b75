"""What every class of attack is held to: it leaks with the guard off, is refused for its reason, and its twin
passes.

Knows the claims. Does not know any attack.
"""

from __future__ import annotations

from typing import ClassVar

from valve_aws.attack.attack import Attack, Exit, liftings
from valve_aws.attack.stage import Outcome, Stage
from valve_aws.attack.table import ATTACKS
from valve_aws.model.verdict import Mode


class Claims:
    """Inherit, name the row (`attack = "a01"`), and these are the tests of the class."""

    attack: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "attack" in vars(cls) and not any(liftings(ATTACKS[cls.attack])):
            # Why: where no step of the judgement stops it, there is none to take away.
            cls.test_without_its_rule_it_arrives = None  # type: ignore[assignment,method-assign]  # not collected

    @property
    def row(self) -> Attack:
        """The row."""
        return ATTACKS[self.attack]

    def taken(self, outcome: Outcome) -> tuple[Exit, ...]:
        """The exits that a trial took."""
        return self.row.by(outcome.trial.part)

    def test_with_the_guard_off_it_arrives(self, stage: Stage) -> None:
        told = {}
        for outcome in stage.run(self.row, "attack", Mode.OFF):
            missing = [e for e in self.taken(outcome) if not stage.found(e.loot, outcome.trial)]
            told |= {outcome.trial.name: (missing, outcome.finished)} if missing else {}
        assert not told

    def test_enforced_it_is_refused_for_its_reason_and_nothing_arrives(self, stage: Stage) -> None:
        told = {}
        for outcome in stage.run(self.row, "attack", Mode.ENFORCE):
            leaks = stage.leaks(outcome.trial, *(e.loot for e in self.taken(outcome)))
            passed = [e for e in self.taken(outcome) if not outcome.refused(e.call, e.rule)]
            told |= {outcome.trial.name: (leaks, passed, outcome)} if leaks or passed else {}
        assert not told

    def test_in_audit_it_arrives_and_is_told(self, stage: Stage) -> None:
        told = {}
        for outcome in stage.run(self.row, "attack", Mode.AUDIT, stage.ways(self.row)[:2]):
            missing = [e for e in self.taken(outcome) if not stage.found(e.loot, outcome.trial)]
            untold = [e for e in self.taken(outcome) if not outcome.refused(e.call, e.rule)]
            told |= {outcome.trial.name: (missing, untold, outcome)} if missing or untold else {}
        assert not told

    def test_the_honest_twin_passes(self, stage: Stage) -> None:
        told = {}
        for outcome in stage.run(self.row, "twin", Mode.ENFORCE):
            missing = [place for place in self.row.honest if not stage.found(place, outcome.trial)]
            refused = outcome.refusals
            told |= {outcome.trial.name: (missing, refused, outcome.finished)} if missing or refused else {}
        assert not told

    def test_without_its_rule_it_arrives(self, stage: Stage) -> None:
        for steps, exits in liftings(self.row):
            for outcome in stage.run(self.row, "attack", Mode.ENFORCE, stage.ways(self.row)[:1], steps):
                taken = [e for e in self.taken(outcome) if e in exits]
                missing = [e for e in taken if not stage.found(e.loot, outcome.trial)]
                assert not missing, (steps, outcome)
