"""Effect rows of SSM's Parameter Store.

Knows that a parameter is a store of one cell. Does not know the rest of SSM, which has no rows.
"""

from __future__ import annotations

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span

# Why what is written consults what was there: older versions stay readable by their number.
ROWS = (
    Row("GetParameter", "the parameter, or that it is not there", reveals="parameter",
        actions="ssm:GetParameter@named", leaves="parameter=Name"),
    Row("GetParameters", "as GetParameter, for each", reveals="parameter", actions="ssm:GetParameters@named",
        leaves="parameter=Names"),
    Row("GetParameterHistory", "all versions", reveals="parameter", actions="ssm:GetParameterHistory@named",
        leaves="parameter=Name"),
    Row("GetParametersByPath", "every parameter under the path, named as `parameter/path/*`", reveals="under",
        actions="ssm:GetParametersByPath@path", leaves="path=Path"),
    Row("DescribeParameters", "names and settings of the account's parameters", reveals="parameters",
        actions="ssm:DescribeParameters@any", leaves="filter=ParameterFilters.Values filter=Filters.Values"),
    Row("PutParameter", "replaces the value; the reply's version counts writes, and without Overwrite an "
        "error tells that it is there", consults="parameter", reveals="figures", changes="value own-name",
        opens="keyed", actions="ssm:PutParameter@named",
        leaves="parameter=Name description=Description tag=Tags.Key tag=Tags.Value"),
    Row("DeleteParameter", "an error tells that it is not there", reveals="figures", changes="value own-name",
        actions="ssm:DeleteParameter@named", leaves="parameter=Name"),
    Row("DeleteParameters", "the reply tells which are not there", reveals="figures",
        changes="value own-name", actions="ssm:DeleteParameters@named", leaves="parameter=Names"),
    Row("LabelParameterVersion", "another name of a version; an error tells that it is not there",
        consults="parameter", reveals="figures", changes="value", actions="ssm:LabelParameterVersion@named",
        leaves="parameter=Name label=Labels"),
)


def _named(asked: Asked) -> list[str]:
    given = asked.params.get("Names") or [asked.params["Name"]]
    return [names.parameter(text, asked.place) for text in given]


def _path(asked: Asked) -> list[str]:
    """What a role must grant: the path as it is written, with the slash that may end it."""
    path = asked.params["Path"]
    if not path.strip("/"):
        return [asked.place.arn("ssm", "parameter")]
    return [names.parameter(path.removesuffix("/"), asked.place) + "/" * path.endswith("/")]


def _under(asked: Asked) -> list[str]:
    return [f"{arn.removesuffix('/')}/*" for arn in _path(asked)]


def keyed(asked: Asked) -> str:
    """A key of another account."""
    return onward.keyed(asked.params.get("KeyId"), asked.place)


def _own_name(asked: Asked) -> list[Extent]:
    store = names.account(asked.place, "ssm")
    return [Extent(store, Part.NAMES, Span.ONE, arn.partition(":parameter/")[2]) for arn in _named(asked)]


SERVICE = Service(
    rows=ROWS,
    extents={
        "parameter": whole(_named, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "figures": whole(_named, (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "value": whole(_named, (Part.CONTENT, Span.ONE), (Part.NAMES, Span.ONE), (Part.COUNTS, Span.ONE)),
        "under": whole(_under, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL)),
        "parameters": whole(account("ssm"), (Part.NAMES, Span.ALL), (Part.CONFIG, Span.ALL)),
        "own-name": _own_name,
    },
    arns={"any": anything, "named": _named, "path": _path},
    openers={"keyed": keyed},
)
