"""AWS requests as plain HTTP, written by hand and signed by hand with nothing but the standard library.

Knows the protocols' forms. Does not know what is asked, nor how a request is sent.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.parse
from typing import NamedTuple

JSON_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "events": ("AWSEvents", "1.1"),
    "kinesis": ("Kinesis_20131202", "1.1"),
    "kms": ("TrentService", "1.1"),
    "logs": ("Logs_20140328", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "sqs": ("AmazonSQS", "1.0"),
    "ssm": ("AmazonSSM", "1.1"),
    "stepfunctions": ("AWSStepFunctions", "1.0"),
    "firehose": ("Firehose_20150804", "1.1"),
}
"""Service → prefix of `X-Amz-Target`, version of its JSON."""

RENAMED = {"fromTime": "from"}
"""Member → what it is called on the wire."""

QUERIES = {"sns": "2010-03-31", "sts": "2011-06-15", "iam": "2010-05-08", "ses": "2010-12-01"}
"""Service → API version of its forms."""

S3 = {
    "PutObject": ("PUT", "/{Key}", ""),
    "HeadObject": ("HEAD", "/{Key}", ""),
    "ListObjectsV2": ("GET", "/", "list-type=2&prefix={Prefix}"),
    "GetObject": ("GET", "/{Key}", ""),
    "DeleteObject": ("DELETE", "/{Key}", ""),
    "CopyObject": ("PUT", "/{Key}", ""),
    "CreateBucket": ("PUT", "/", ""),
    "UploadPartCopy": ("PUT", "/{Key}", "partNumber={PartNumber}&uploadId={UploadId}"),
    "CreateMultipartUpload": ("POST", "/{Key}", "uploads"),
    "CompleteMultipartUpload": ("POST", "/{Key}", "uploadId={UploadId}"),
    "PutBucketPolicy": ("PUT", "/", "policy"),
    "PutBucketAcl": ("PUT", "/", "acl"),
    "PutObjectAcl": ("PUT", "/{Key}", "acl"),
}
"""Operation → method, path, query."""

S3_HEADERS = {
    "ACL": "x-amz-acl",
    "CopySource": "x-amz-copy-source",
    "ContentType": "content-type",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "GrantRead": "x-amz-grant-read",
    "GrantFullControl": "x-amz-grant-full-control",
    "Tagging": "x-amz-tagging",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "SSECustomerKey": "x-amz-server-side-encryption-customer-key",
    "SSECustomerKeyMD5": "x-amz-server-side-encryption-customer-key-md5",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
}
"""Parameter → header that it travels in."""

FUNCTIONS = "/2015-03-31/functions/{FunctionName}"
LAYERS = "/2018-10-31/layers/{LayerName}/versions"
MAPPINGS = "/2015-03-31/event-source-mappings"

PATHS = {
    "lambda": {
        "Invoke": ("POST", f"{FUNCTIONS}/invocations"),
        "InvokeAsync": ("POST", "/2014-11-13/functions/{FunctionName}/invoke-async"),
        "AddPermission": ("POST", f"{FUNCTIONS}/policy"),
        "CreateFunctionUrlConfig": ("POST", "/2021-10-31/functions/{FunctionName}/url"),
        "PublishLayerVersion": ("POST", LAYERS),
        "AddLayerVersionPermission": ("POST", f"{LAYERS}/{{VersionNumber}}/policy"),
        "CreateFunction": ("POST", "/2015-03-31/functions"),
        "UpdateFunctionCode": ("PUT", f"{FUNCTIONS}/code"),
        "UpdateFunctionConfiguration": ("PUT", f"{FUNCTIONS}/configuration"),
        "PublishVersion": ("POST", f"{FUNCTIONS}/versions"),
        "CreateAlias": ("POST", f"{FUNCTIONS}/aliases"),
        "UpdateAlias": ("PUT", f"{FUNCTIONS}/aliases/{{Name}}"),
        "PutFunctionEventInvokeConfig": (
            "PUT",
            "/2019-09-25/functions/{FunctionName}/event-invoke-config",
        ),
        "UpdateFunctionEventInvokeConfig": (
            "POST",
            "/2019-09-25/functions/{FunctionName}/event-invoke-config",
        ),
        "GetFunctionConfiguration": ("GET", f"{FUNCTIONS}/configuration"),
        "CreateEventSourceMapping": ("POST", MAPPINGS),
        "UpdateEventSourceMapping": ("PUT", f"{MAPPINGS}/{{UUID}}"),
        "DeleteEventSourceMapping": ("DELETE", f"{MAPPINGS}/{{UUID}}"),
        "ListEventSourceMappings": ("GET", MAPPINGS),
    },
    "sesv2": {
        "SendEmail": ("POST", "/v2/email/outbound-emails"),
        "SendBulkEmail": ("POST", "/v2/email/outbound-bulk-emails"),
        "CreateEmailIdentity": ("POST", "/v2/email/identities"),
    },
    "scheduler": {"CreateSchedule": ("POST", "/schedules/{Name}")},
    "pipes": {"CreatePipe": ("POST", "/v1/pipes/{Name}")},
}
"""Service → operation → method, path; what the path does not name is the body."""

REST_HEADERS = {"InvocationType": "x-amz-invocation-type"}

SCOPES = {"stepfunctions": "states", "sesv2": "ses"}
"""Service → its name in signatures, where that differs."""

HOSTS = {"stepfunctions": "states", "ses": "email", "sesv2": "email"}
"""Service → its name in hosts, where that differs."""


class Keys(NamedTuple):
    """A credential."""

    ident: str
    secret: str
    token: str


class Letter(NamedTuple):
    """One request."""

    service: str
    method: str
    host: str
    path: str
    query: str
    headers: dict
    body: bytes

    @property
    def target(self):
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path


def own_keys():
    """The credential that this environment was given."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Keys(*(os.environ[name] for name in names))


def letter(service, operation, params, elsewhere=""):
    """A call as a request, unsigned; to the genuine host, or elsewhere, where a bucket stands in the path.

    Raises KeyError for what no table above has: add its row.
    """
    made = _letter(service, operation, params)
    if not elsewhere:
        return made
    path = f"/{params['Bucket']}{made.path}" if service == "s3" else made.path
    return made._replace(host=elsewhere, path=path)


def _letter(service, operation, params):
    region = os.environ["AWS_REGION"]
    if service == "s3":
        return _s3(operation, params, region)
    host = f"{HOSTS.get(service, service)}.{region}.amazonaws.com"
    if service in PATHS:
        return _rest(service, operation, params, host)
    if service in QUERIES:
        form = {"Action": operation, "Version": QUERIES[service], **dict(_flat("", params))}
        kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Letter(service, "POST", host, "/", "", kind, urllib.parse.urlencode(form).encode())
    prefix, version = JSON_TARGETS[service]
    wired = {RENAMED.get(name, name): value for name, value in params.items()}
    kind = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{prefix}.{operation}"}
    return Letter(service, "POST", host, "/", "", kind, json.dumps(wired, default=_base64).encode())


def _rest(service, operation, params, host):
    method, path = PATHS[service][operation]
    quoted = {name: urllib.parse.quote(str(value), safe="") for name, value in params.items()}
    headers = {REST_HEADERS[name]: value for name, value in params.items() if name in REST_HEADERS}
    rest = {n: v for n, v in params.items() if n not in REST_HEADERS and f"{{{n}}}" not in path}
    body = rest.get("Payload") or rest.get("InvokeArgs")
    if body is None:
        body = json.dumps(rest, default=_base64).encode() if rest else b""
        headers["content-type"] = "application/json"
    return Letter(service, method, host, path.format(**quoted), "", headers, body)


MAPS = {"Attributes"}
"""Members of a form that are maps, so that their keys are sent as values."""


def _flat(name, value):
    """The fields of a form: `A.B`, `A.member.1`, `A.entry.1.key`."""
    if isinstance(value, dict):
        for number, (key, inner) in enumerate(value.items(), 1):
            if name in MAPS:
                yield f"{name}.entry.{number}.key", key
                yield from _flat(f"{name}.entry.{number}.value", inner)
            else:
                yield from _flat(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _flat(f"{name}.member.{number}", inner)
    else:
        yield name, _base64(value) if isinstance(value, bytes) else value


def _s3(operation, params, region):
    method, path, query = S3[operation]
    quoted = {name: urllib.parse.quote(str(value), safe="/~") for name, value in params.items()}
    headers = {S3_HEADERS[name]: str(value) for name, value in params.items() if name in S3_HEADERS}
    headers |= {f"x-amz-meta-{name}": value for name, value in params.get("Metadata", {}).items()}
    body = params.get("Body", params.get("Policy", b""))
    if "MultipartUpload" in params:
        listed = "".join(
            f"<Part><PartNumber>{p['PartNumber']}</PartNumber><ETag>{p['ETag']}</ETag></Part>"
            for p in params["MultipartUpload"]["Parts"]
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    host = f"{params['Bucket']}.s3.{region}.amazonaws.com"
    content = body.encode() if isinstance(body, str) else body
    return Letter("s3", method, host, path.format(**quoted), query.format(**quoted), headers, content)


def _base64(value):
    import base64

    return base64.b64encode(value).decode()


def signed(letter, keys):
    """The letter's headers with its signature (IAM user guide: create a signed AWS API request)."""
    region = os.environ["AWS_REGION"]
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(letter.body).hexdigest()
    headers = {**letter.headers, "host": letter.host, "x-amz-content-sha256": digest, "x-amz-date": now}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    pairs = sorted(part if "=" in part else f"{part}=" for part in letter.query.split("&") if part)
    # Why twice: only S3 takes a path as it is sent.
    path = letter.path if letter.service == "s3" else urllib.parse.quote(letter.path, safe="/~")
    canonical = "\n".join([letter.method, path, "&".join(pairs), listed, names, digest])
    scope = f"{now[:8]}/{region}/{SCOPES.get(letter.service, letter.service)}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{keys.ident}/{scope}"
    told = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": told}
