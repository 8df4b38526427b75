"""The one canonical name of every bucket, object, queue, table, item, topic, function and secret (law 7).

Knows how AWS lets the same thing be spelled. Does not know any operation nor what may be done with a name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, DecimalException
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from valve_aws.model.stack import KeySchema
from valve_aws.model.value import value


class NotCanonical(Exception):
    """A name that could mean two things, or that no backend would read as we do: refused (law 7)."""


@value
class Place:
    """Where a request is served: twelve-digit account, region, partition."""

    account: str
    region: str
    partition: str = "aws"
    secrets: frozenset[str] = frozenset()
    """ARNs, without what AWS appends, of the secrets that are known by their own names."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov|aws-iso|aws-iso-b):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|aws|):(.+)",
    re.DOTALL,
)
"""Partition, service, region, account, resource.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""


def split(arn: str, service: str) -> re.Match[str]:
    m = ARN.fullmatch(arn)
    if m is None or m.group(2) != service:
        raise NotCanonical(f"`{arn}` is not an ARN of {service}")
    return m


def _fits(expression: re.Pattern[str], name: Any, what: str) -> str:
    if not isinstance(name, str) or expression.fullmatch(name) is None:
        raise NotCanonical(f"`{name}` cannot be the name of a {what}")
    return name


def within(place: Place, service: str, text: str, expression: re.Pattern[str], prefix: str, what: str) -> str:
    """Return the ARN of what is named either bare or by its ARN, whose resource is `prefix` and the bare
    name.
    """
    if not text.startswith("arn:"):
        return place.arn(service, prefix + _fits(expression, text, what))
    resource = split(text, service).group(5)
    if not resource.startswith(prefix):
        raise NotCanonical(f"`{text}` is not the ARN of a {what}")
    _fits(expression, resource[len(prefix) :], what)
    return text


# S3. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}", re.ASCII)
SECOND_NAMES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3", ".mrap")
"""Suffixes of access point aliases, object Lambda aliases, directory and table buckets."""


@lru_cache(maxsize=1024)
def bucket(name: str, partition: str = "aws") -> str:
    """Return `arn:aws:s3:::name`.

    An access point, an alias of one and an upper-case name of the first years are second names of a bucket
    that we cannot look up: refused.
    """
    if name.startswith("arn:"):
        m = split(name, "s3")
        if m.group(3) or m.group(4):
            raise NotCanonical(f"`{name}` is a second name of a bucket; call the bucket itself")
        partition, name = m.group(1), m.group(5)
    if name.endswith(SECOND_NAMES):
        raise NotCanonical(f"`{name}` is a second name of a bucket; call the bucket itself")
    _fits(BUCKET, name, "bucket")
    if ".." in name or ADDRESS.fullmatch(name):
        raise NotCanonical(f"`{name}` cannot be the name of a bucket")
    return f"arn:{partition}:s3:::{name}"


def object_key(key: str) -> str:
    """Return an object's key, decoded, as it is: at most 1024 bytes of UTF-8.

    Refused: NUL, which no listing can spell; and `.` or `..` between slashes, which clients and servers
    resolve at will. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    if not key or "\0" in key or len(_utf8(key)) > 1024:
        raise NotCanonical(f"`{key[:80]}` cannot be the key of an object")
    if "." in key and any(part in {".", ".."} for part in key.split("/")):
        raise NotCanonical(f"`{key}` has a `.` or `..` between slashes, which is not read alike everywhere")
    return key


def upload(key: str, ident: str, part: str = "") -> str:
    """Return the cell's name of an upload under way, or of one part of it: key NUL upload id NUL part
    number.
    """
    if not ident or "\0" in ident:
        raise NotCanonical(f"`{ident}` cannot be an upload id")
    return f"{object_key(key)}\0{ident}\0{part}"


SOURCE = re.compile(r"/?([^/?+]+)/([^?+]+)(?:\?versionId=([A-Za-z0-9._-]+))?", re.ASCII)


def copy_source(source: Any, partition: str = "aws") -> tuple[str, str, str]:
    """Return (bucket ARN, key, version or "") of `x-amz-copy-source`: botocore's dict, or the header's text,
    URL-encoded.

    Raw `+` and `?` are refused: some servers read the one as a space, the other as the start of the version.
    """
    if isinstance(source, Mapping):
        return bucket(source["Bucket"], partition), object_key(source["Key"]), source.get("VersionId") or ""
    return _written_source(source, partition)


@lru_cache(maxsize=1024)
def _written_source(source: str, partition: str) -> tuple[str, str, str]:
    if re.match("/?arn(:|%3a)", source, re.IGNORECASE):
        raise NotCanonical(f"`{source}` copies from an access point; name the bucket itself")
    m = SOURCE.fullmatch(source)
    if m is None or not source.isascii():
        raise NotCanonical(f"`{source}` cannot be read as bucket/key")
    return bucket(_decoded(m.group(1)), partition), object_key(_decoded(m.group(2))), m.group(3) or ""


def _decoded(text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise NotCanonical(f"`{text}` has a broken percent escape")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise NotCanonical(f"`{text}` is not UTF-8") from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NotCanonical("a name holds half of a surrogate pair") from None


# SQS.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html

QUEUE = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", re.ASCII)
QUEUE_URL = re.compile(
    r"https?://([A-Za-z0-9.-]+)(?::[0-9]{1,5})?/(?:queue/([a-z0-9-]+)/)?([0-9]{12})/([A-Za-z0-9_.-]+)/?",
    re.ASCII,
)
QUEUE_HOST = re.compile(r"(?:sqs\.([a-z0-9-]+)\.|([a-z]{2}[a-z0-9-]*-[0-9])\.queue\.)", re.ASCII)


@lru_cache(maxsize=1024)
def queue(text: str, place: Place) -> str:
    """Return `arn:aws:sqs:region:account:name` of a queue's name, ARN or URL in any of its forms (AWS's old
    and new host names, `/queue/region/account/name`, any custom endpoint).
    """
    if text.startswith("arn:"):
        _fits(QUEUE, split(text, "sqs").group(5), "queue")
        return text
    if "/" not in text:
        return place.arn("sqs", _fits(QUEUE, text, "queue"))
    m = QUEUE_URL.fullmatch(text)
    if m is None:
        raise NotCanonical(f"`{text}` cannot be read as the URL of a queue")
    host = QUEUE_HOST.match(m.group(1).lower())
    for region in (m.group(2), *(host.groups() if host else ())):
        if region and region != place.region:
            raise NotCanonical(
                f"`{text}` names another region than the request is signed for, `{place.region}`"
            )
    return f"arn:{place.partition}:sqs:{place.region}:{m.group(3)}:{_fits(QUEUE, m.group(4), 'queue')}"


# DynamoDB.

TABLE = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
EXACT = Context(prec=38, Emin=-170, Emax=170)


@lru_cache(maxsize=1024)
def table(text: str, place: Place) -> str:
    """Return `arn:aws:dynamodb:region:account:table/name` of a table's name or ARN."""
    return within(place, "dynamodb", text, TABLE, "table/", "table")


@lru_cache(maxsize=1024)
def table_of(arn: str) -> str:
    """Return the table's ARN of the ARN of one of its indexes, streams, exports or backups."""
    m = split(arn, "dynamodb")
    kind, _, rest = m.group(5).partition("/")
    name = rest.partition("/")[0]
    if kind != "table":
        raise NotCanonical(f"`{arn}` is not the ARN of a table")
    _fits(TABLE, name, "table")
    return f"arn:{m.group(1)}:dynamodb:{m.group(3)}:{m.group(4)}:table/{name}"


def number(text: str) -> str:
    """Return the canonical decimal of a DynamoDB number: `1`, `1.0`, `1E0` are `1`, `-0` is `0`.

    At most 38 significant digits, magnitude within 1E-130 and 9.9E+125:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    """
    if text.isascii() and text.isdigit() and len(text) < 39:
        return text.lstrip("0") or "0"
    if NUMBER.fullmatch(text) is None:
        raise NotCanonical(f"`{text[:80]}` is not a number")
    try:
        exact = Decimal(text)
        value = exact.normalize(EXACT)
    except DecimalException:
        raise NotCanonical(f"`{text[:80]}` is not a number that a table can hold") from None
    if value != exact or not (value.is_zero() or -130 <= value.adjusted() <= 125):
        raise NotCanonical(f"`{text[:80]}` is not a number that a table can hold")
    return "0" if value.is_zero() else format(value, "f")


ESCAPED = re.compile(r"[/%\x00-\x1f\x7f]")


def escaped(text: str) -> str:
    """Percent-escape `/`, `%` and control characters. Character by character, so a prefix stays a prefix."""
    if text.isascii() and text.isalnum():
        return text
    _utf8(text)
    return ESCAPED.sub(lambda m: f"%{ord(m.group()):02X}", text)


def key_value(value: Any, kind: str) -> str:
    """Return one key attribute as a segment of an item's name; `kind` is its schema's `S`, `N` or `B`."""
    if not isinstance(value, (dict, Mapping)) or len(value) != 1 or kind not in value:
        raise NotCanonical(f"a key attribute is not of the type `{kind}` that the table's schema gives it")
    held: Any = value[kind]
    held = held if isinstance(held, str) else getattr(held, "value", held)  # Why: boto3 wraps bytes
    if kind == "B":
        text = base64.b64encode(held.encode() if isinstance(held, str) else bytes(held)).decode()
    elif not isinstance(held, str):
        raise NotCanonical(f"a key attribute of type `{kind}` does not hold a text")
    else:
        text = number(held) if kind == "N" else held
    if not text:
        raise NotCanonical("a key attribute is empty")
    return escaped(text)


def item(attributes: Mapping[str, Any], schema: KeySchema) -> str:
    """Return an item's name out of its key (or the whole item): key attributes in schema order, escaped,
    joined by `/`.

    `attributes` is botocore's map of AttributeValues.
    """
    keys = (schema.partition,) if schema.sort is None else (schema.partition, schema.sort)
    try:
        return "/".join([key_value(attributes[name], kind) for name, kind in keys])
    except KeyError as missing:
        raise NotCanonical(f"the key attribute {missing} is missing") from None


# Others. Each takes the bare name or the ARN.

PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,256}", re.ASCII)
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}(?:\.fifo)?", re.ASCII)
FUNCTION = re.compile(
    r"(?:(?:arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):)?"
    r"(?P<account>[0-9]{12}):function:|function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,140})(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]{1,128}))?",
    re.ASCII,
)
SECRET = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}", re.ASCII)
SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z", re.ASCII)
PARAMETER = re.compile(r"(/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)(?::[A-Za-z0-9_.-]+)?", re.ASCII)
KMS_KEY = re.compile(
    r"(?:alias/[A-Za-z0-9/_-]{1,250}"
    r"|(?:key/)?(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))"
)


@lru_cache(maxsize=1024)
def topic(arn: str) -> str:
    """Return a topic's ARN; SNS knows no other name of it."""
    _fits(TOPIC, split(arn, "sns").group(5), "topic")
    return arn


@lru_cache(maxsize=1024)
def function(text: str, place: Place, qualifier: str = "") -> tuple[str, str]:
    """Return (`arn:aws:lambda:region:account:function:name`, qualifier or "") of a name, a partial or a full
    ARN.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html; two qualifiers that differ are refused.
    """
    m = FUNCTION.fullmatch(text)
    if m is None:
        raise NotCanonical(f"`{text}` cannot be the name of a function")
    if qualifier and m["qualifier"] and qualifier != m["qualifier"]:
        raise NotCanonical(f"`{text}` and the qualifier `{qualifier}` disagree")
    partition, region = m["partition"] or place.partition, m["region"] or place.region
    arn = f"arn:{partition}:lambda:{region}:{m['account'] or place.account}"
    return f"{arn}:function:{m['name']}", qualifier or m["qualifier"] or ""


@lru_cache(maxsize=1024)
def secret(text: str, place: Place) -> tuple[str, ...]:
    """Return `arn:aws:secretsmanager:region:account:secret:name`, without the six characters that AWS
    appends; two of them when an ARN may be either.

    Why two: a secret's own name may end like what AWS appends (`db-master`), and its ARN without that is then
    spelled like the complete ARN of another (`db`). Services do not agree which of them it is
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html). Where exactly
    one of the two is known to be there it is that one.
    """
    if not text.startswith("arn:"):
        return (place.arn("secretsmanager", "secret:" + _fits(SECRET, text, "secret")),)
    arn = within(place, "secretsmanager", text, SECRET, "secret:", "secret")
    both = tuple(dict.fromkeys((SUFFIX.sub("", arn), arn)))
    known = tuple(name for name in both if name in place.secrets)
    return known if len(known) == 1 else both


@lru_cache(maxsize=1024)
def parameter(text: str, place: Place) -> str:
    """Return `arn:aws:ssm:region:account:parameter/name` without version or label selector.

    `/aws/reference/secretsmanager/x` is the secret `x`. `/a` and `a` have one ARN, so they share a label.
    """
    head = ""
    if text.startswith("arn:"):
        m = split(text, "ssm")
        head, text = text[: m.start(5)], m.group(5)
        if not text.startswith("parameter/"):
            raise NotCanonical(f"`{head}{text}` is not the ARN of a parameter")
        text = text[len("parameter") :]
    named = PARAMETER.fullmatch(text)
    if named is None:
        raise NotCanonical(f"`{text}` cannot be the name of a parameter")
    path = named.group(1).lstrip("/")
    if path.startswith("aws/reference/secretsmanager/"):
        return secret(path.removeprefix("aws/reference/secretsmanager/"), place)[0]
    return f"{head or place.arn('ssm', '')}parameter/{path}"


def stream(name: str, arn: str, place: Place, service: str = "kinesis", prefix: str = "stream/") -> str:
    """Return a stream's ARN of its name, its ARN, or both where they agree."""
    named = {within(place, service, text, PLAIN, prefix, "stream") for text in (name, arn) if text}
    if len(named) != 1:
        raise NotCanonical("the stream is not named, or by a name and an ARN that disagree")
    return named.pop()


def kms_key(text: str, place: Place) -> str:
    """Return a key's ARN, or its alias's: a key holds no cell, so its two names need not be one."""
    if text.startswith("arn:"):
        _fits(KMS_KEY, split(text, "kms").group(5), "key")
        return text
    _fits(KMS_KEY, text, "key")
    return place.arn("kms", text if text.startswith(("alias/", "key/")) else f"key/{text}")


def account(place: Place, service: str) -> str:
    """Return the ARN under which the names of all stores of a service stand:
    `arn:aws:sqs:region:account:*`.
    """
    return f"arn:{place.partition}:s3:::*" if service == "s3" else place.arn(service, "*")


def owner(arn: str) -> str:
    """Return the account in an ARN, "" when it has none (S3)."""
    m = ARN.fullmatch(arn)
    return m.group(4) if m else ""


def unique(arns: Iterable[str]) -> tuple[str, ...]:
    """Return each ARN once, in the order of its first showing."""
    return tuple(dict.fromkeys(arns))
