"""Attacks that stay behind.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import Attack, Exit
from valve_aws.model.verdict import Rule

MOVED = (Rule.PERIMETER,)
"""What hands content on to somebody else is refused for that as well."""

KEPT = (*MOVED, Rule.ACCEPTS)
"""And where what it hands on may carry any label, for what it takes."""

ROWS: tuple[Attack, ...] = (
    Attack(
        "d07",
        "changes what runs next time, or where its results go",
        (
            Exit("lambda:UpdateFunctionCode", Rule.CONFIGURE, "wire:/functions/courier/code"),
            Exit(
                "lambda:UpdateFunctionConfiguration", Rule.CONFIGURE, "wire:/functions/courier/configuration"
            ),
            Exit("lambda:PublishVersion", Rule.CONFIGURE, "wire:/functions/courier/versions"),
            Exit("lambda:CreateAlias", Rule.CONFIGURE, "wire:/functions/courier/aliases"),
            Exit("lambda:UpdateAlias", Rule.CONFIGURE, "wire:/functions/courier/aliases/live"),
            Exit("lambda:PutFunctionEventInvokeConfig", Rule.CONFIGURE, "wire:/event-invoke-config", KEPT),
            Exit("lambda:UpdateFunctionEventInvokeConfig", Rule.CONFIGURE, "wire:/event-invoke-config", KEPT),
        ),
        ("wire:/functions/spare/configuration",),
    ),
    Attack(
        "d08",
        "feeds a function from elsewhere, or takes its source away",
        (
            Exit("lambda:CreateEventSourceMapping", Rule.CONFIGURE, "wire:attackers-flow", MOVED),
            Exit("lambda:CreateEventSourceMapping", Rule.PERIMETER, "wire:spare"),
            Exit("lambda:UpdateEventSourceMapping", Rule.CONFIGURE, "wire:PUT "),
            Exit("lambda:DeleteEventSourceMapping", Rule.CONFIGURE, "wire:DELETE "),
        ),
        ("wire:spare",),
    ),
)
