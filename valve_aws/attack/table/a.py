"""Attacks over the cloud's own API.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import EVERY_WAY, Attack, Exit
from valve_aws.model.verdict import Rule

MOVED = (Rule.PERIMETER,)
"""What hands content on to somebody else is refused for that as well."""

SENT = (Rule.PERIMETER, Rule.ACCEPTS)
"""A setting also says where to: that is somebody else's, and takes nothing of what the bucket may hold."""

KEPT = (Rule.ACCEPTS,)
"""It takes nothing of what the bucket may hold."""

ROWS = (
    Attack(
        "a01",
        "writes to somebody else's stores with the function's own role",
        (
            Exit("s3:PutObject", Rule.PERIMETER, "s3:attackers-files"),
            Exit("sqs:SendMessage", Rule.PERIMETER, "sqs:attackers-jobs"),
            Exit("sns:Publish", Rule.PERIMETER, "sns:attackers-news"),
            Exit("dynamodb:PutItem", Rule.PERIMETER, "dynamodb:attackers-notes"),
            Exit("kinesis:PutRecord", Rule.PERIMETER, "kinesis:attackers-flow"),
        ),
        ("s3:kept-files", "sqs:kept-jobs", "sns:kept-news", "dynamodb:kept-notes", "kinesis:kept-flow"),
        EVERY_WAY,
    ),
    Attack(
        "a02",
        "writes with the attacker's keys through the genuine endpoint",
        (
            Exit("s3:PutObject", Rule.CREDENTIAL, "s3:kept-files"),
            Exit("sqs:SendMessage", Rule.CREDENTIAL, "sqs:kept-jobs"),
        ),
        ("s3:kept-files", "sqs:kept-jobs"),
        EVERY_WAY,
    ),
    Attack(
        "a03",
        "has the SDK talk to a server of the attacker's",
        (Exit("valve:Visit", Rule.HOST, "host:attackers.test"),),
        ("host:kept.test",),
        EVERY_WAY,
    ),
    Attack(
        "a04",
        "has the service copy an object into somebody else's bucket",
        (
            Exit("s3:CopyObject", Rule.PERIMETER, "s3:attackers-files"),
            Exit("s3:CreateMultipartUpload", Rule.PERIMETER, "s3:attackers-files"),
            Exit("s3:UploadPartCopy", Rule.PERIMETER, "s3:attackers-files"),
        ),
        ("s3:kept-copies",),
        EVERY_WAY,
    ),
    Attack(
        "a05",
        "gives away a link or a form that it has made by itself",
        (
            Exit("valve:Result", Rule.PRESIGNED, "result:", liftable=False),
            Exit("valve:Result", Rule.PRESIGNED, "result:", part="by_old", liftable=False),
            Exit("valve:Result", Rule.PRESIGNED, "result:", part="by_form", liftable=False),
            Exit("ses:SendEmail", Rule.PRESIGNED, "wire:SendEmail", part="by_mail", liftable=False),
            Exit("sqs:SendMessage", Rule.PRESIGNED, "sqs:kept-jobs", part="by_message", liftable=False),
        ),
        ("result:", "wire:SendEmail", "sqs:kept-jobs"),
    ),
    Attack(
        "a06",
        "opens a bucket by its policy",
        (Exit("s3:PutBucketPolicy", Rule.CONFIGURE, "public:kept-files"),),
        ("public:granted-files",),
    ),
    Attack(
        "a07",
        "opens an object or a bucket by an ACL, also by a header of a write",
        (
            Exit("s3:PutObject", Rule.CONFIGURE, "public:kept-files"),
            Exit("s3:PutObjectAcl", Rule.CONFIGURE, "public:kept-files", part="by_setting"),
            Exit("s3:CopyObject", Rule.CONFIGURE, "public:kept-files", part="by_copy"),
            Exit("s3:PutBucketAcl", Rule.CONFIGURE, "settings:kept-files", part="by_bucket"),
        ),
        ("public:granted-files",),
        alone=True,
    ),
    Attack(
        "a08",
        "has a bucket replicated into somebody else's",
        (
            Exit("s3:PutBucketReplication", Rule.CONFIGURE, "settings:kept-files", SENT),
            Exit("s3:PutBucketReplication", Rule.PERIMETER, "settings:granted-files", KEPT, part="by_grant"),
        ),
        ("settings:granted-files",),
        ("sdk", "aged"),
        alone=True,
    ),
    Attack(
        "a09",
        "asks somebody else's bucket for a name that says it all",
        (
            Exit("s3:GetObject", Rule.PERIMETER, "wire:GET /attackers-files/"),
            Exit("s3:HeadObject", Rule.PERIMETER, "wire:HEAD /attackers-files/"),
            Exit("s3:ListObjectsV2", Rule.PERIMETER, "wire:list-type=2"),
        ),
        ("wire:/kept-files/", "wire:/kept-files?"),
        EVERY_WAY,
    ),
    Attack(
        "a10",
        "has a bucket tell somebody else of what is in it",
        (
            Exit("s3:PutBucketNotificationConfiguration", Rule.CONFIGURE, "sqs:attackers-jobs", SENT),
            Exit("s3:PutBucketLogging", Rule.CONFIGURE, "settings:kept-files", SENT),
            Exit("s3:PutBucketInventoryConfiguration", Rule.CONFIGURE, "wire:?inventory", SENT),
            Exit("s3:PutBucketWebsite", Rule.CONFIGURE, "wire:?website"),
            Exit("s3:PutBucketLifecycleConfiguration", Rule.CONFIGURE, "wire:?lifecycle"),
            *(
                Exit(f"s3:PutBucket{what}", Rule.PERIMETER, place, KEPT, part="by_grant")
                for what, place in (
                    ("NotificationConfiguration", "sqs:attackers-jobs"),
                    ("Logging", "settings:granted-files"),
                    ("InventoryConfiguration", "wire:?inventory"),
                )
            ),
        ),
        ("settings:granted-files", "sqs:kept-jobs"),
        ("sdk", "aged"),
        alone=True,
    ),
    Attack(
        "a11",
        "writes own objects anew under a key that only the attacker holds",
        (
            Exit("s3:CopyObject", Rule.CONFIGURE, "wire:kms:us-east-1:999999999999"),
            Exit("s3:PutObject", Rule.CONFIGURE, "wire:server-side-encryption-customer-algorithm"),
        ),
        ("s3:kept-files",),
    ),
    Attack(
        "a12",
        "opens a queue",
        (
            Exit("sqs:AddPermission", Rule.CONFIGURE, "policy:kept-jobs"),
            Exit("sqs:SetQueueAttributes", Rule.CONFIGURE, "policy:kept-jobs", part="by_policy"),
            Exit("sqs:CreateQueue", Rule.PERIMETER, "wire:CreateQueue", (Rule.CONFIGURE,), part="by_making"),
        ),
        ("policy:granted-jobs",),
        alone=True,
    ),
    Attack(
        "a13",
        "has the service move an own queue's messages to somebody else's",
        (
            Exit("sqs:SetQueueAttributes", Rule.CONFIGURE, "sqs:attackers-jobs", MOVED),
            Exit("sqs:StartMessageMoveTask", Rule.CONFIGURE, "wire:StartMessageMoveTask", MOVED),
            Exit("sqs:CreateQueue", Rule.CONFIGURE, "wire:CreateQueue", MOVED),
        ),
        ("sqs:kept-jobs",),
    ),
    Attack(
        "a14",
        "has an own topic tell somebody else, or texts him",
        (
            Exit("sns:Subscribe", Rule.CONFIGURE, "sqs:attackers-jobs", MOVED),
            Exit("sns:Subscribe", Rule.CONFIGURE, "wire:attackers.test", MOVED),
            Exit("sns:Subscribe", Rule.CONFIGURE, "wire:Protocol=firehose", MOVED),
            Exit("sns:SetSubscriptionAttributes", Rule.CONFIGURE, "wire:quiet-news"),
            Exit("sns:Publish", Rule.PERIMETER, "wire:15550666"),
        ),
        ("sqs:kept-jobs", "wire:15550100"),
    ),
    Attack(
        "a15",
        "has the service carry a table's items off",
        (
            Exit("dynamodb:ExportTableToPointInTime", Rule.CONFIGURE, "wire:ExportTable", MOVED),
            Exit("dynamodb:EnableKinesisStreamingDestination", Rule.CONFIGURE, "wire:EnableKinesis", MOVED),
            Exit("dynamodb:UpdateTable", Rule.CONFIGURE, "wire:UpdateTable"),
            Exit("dynamodb:PutResourcePolicy", Rule.CONFIGURE, "wire:PutResourcePolicy"),
            Exit("dynamodb:CreateBackup", Rule.CONFIGURE, "wire:CreateBackup"),
        ),
        ("dynamodb:granted-notes", "wire:granted-files"),
    ),
    Attack(
        "a16",
        "reads through a write",
        (
            *(
                Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part=part)
                for part in (
                    "by_return",
                    "by_replacement",
                    "by_removal",
                    "by_failure",
                    "by_cancellation",
                    "by_outcome",
                    "by_statement",
                )
            ),
            Exit("dynamodb:UpdateTable", Rule.CONFIGURE, "sqs:open-jobs", (Rule.ACCEPTS,), "by_index"),
        ),
        ("sqs:open-jobs",),
    ),
    Attack(
        "a17",
        "hands events to somebody else, and has a state machine speak HTTP",
        (
            Exit("events:PutEvents", Rule.PERIMETER, "wire:attackers-bus"),
            Exit("events:PutTargets", Rule.CONFIGURE, "sqs:attackers-jobs", MOVED),
            Exit("events:CreateApiDestination", Rule.CONFIGURE, "wire:CreateApiDestination", MOVED),
            Exit("events:CreateConnection", Rule.CONFIGURE, "wire:CreateConnection"),
            Exit("events:PutPermission", Rule.CONFIGURE, "wire:PutPermission"),
            Exit("events:CreateArchive", Rule.CONFIGURE, "wire:CreateArchive"),
            Exit("stepfunctions:CreateStateMachine", Rule.CONFIGURE, "wire:CreateStateMachine"),
            Exit("stepfunctions:TestState", Rule.UNKNOWN, "wire:TestState"),
            Exit("stepfunctions:StartExecution", Rule.PERIMETER, "wire:StartExecution"),
        ),
        ("sqs:kept-jobs",),
    ),
    Attack(
        "a18",
        "mails an outsider",
        (
            Exit("ses:SendEmail", Rule.PERIMETER, "wire:Action=SendEmail"),
            Exit("ses:SendEmail", Rule.PERIMETER, "wire:SourceArn"),
            Exit("ses:SendRawEmail", Rule.PERIMETER, "wire:Action=SendRawEmail"),
            Exit("ses:SendTemplatedEmail", Rule.PERIMETER, "wire:Action=SendTemplatedEmail"),
            Exit("ses:SendBulkTemplatedEmail", Rule.PERIMETER, "wire:Action=SendBulkTemplatedEmail"),
            Exit("sesv2:SendEmail", Rule.PERIMETER, "wire:/v2/email/outbound-emails"),
            Exit("sesv2:SendBulkEmail", Rule.PERIMETER, "wire:/v2/email/outbound-bulk-emails"),
            Exit("ses:SendBounce", Rule.UNKNOWN, "wire:Action=SendBounce"),
            Exit("ses:VerifyEmailIdentity", Rule.CONFIGURE, "wire:Action=VerifyEmailIdentity"),
        ),
        ("wire:Action=SendEmail", "wire:Action=SendRawEmail", "wire:/v2/email/outbound-emails"),
    ),
    Attack(
        "a19",
        "has somebody else's function run, or an own one run by somebody else",
        (
            Exit("lambda:Invoke", Rule.PERIMETER, "wire:/invocations"),
            Exit("lambda:InvokeAsync", Rule.PERIMETER, "wire:/invoke-async"),
            Exit("lambda:AddPermission", Rule.CONFIGURE, "wire:/functions/courier/policy"),
            Exit("lambda:CreateFunctionUrlConfig", Rule.CONFIGURE, "wire:/functions/courier/url"),
            Exit("lambda:PublishLayerVersion", Rule.CONFIGURE, "wire:/layers/shared/versions"),
            Exit("lambda:AddLayerVersionPermission", Rule.UNKNOWN, "wire:/layers/shared/versions/1/policy"),
            Exit("lambda:CreateFunction", Rule.CONFIGURE, "wire:attackers-make", MOVED),
        ),
        ("sqs:kept-jobs",),
    ),
    Attack(
        "a20",
        "has its own log carry it out",
        (
            Exit("valve:Log", Rule.LOG, "log:", part="by_print"),
            Exit("valve:Log", Rule.LOG, "log:", part="by_error"),
            Exit("logs:PutLogEvents", Rule.ACCEPTS, "wire:PutLogEvents", part="by_write"),
            Exit("logs:PutLogEvents", Rule.PERIMETER, "wire:attackers-group"),
            Exit("logs:PutSubscriptionFilter", Rule.CONFIGURE, "kinesis:attackers-flow", MOVED),
            Exit("logs:PutResourcePolicy", Rule.CONFIGURE, "wire:PutResourcePolicy"),
            Exit("logs:CreateExportTask", Rule.CONFIGURE, "wire:CreateExportTask", MOVED),
            Exit("logs:PutDestination", Rule.CONFIGURE, "wire:PutDestination", MOVED),
            Exit("logs:PutAccountPolicy", Rule.UNKNOWN, "wire:PutAccountPolicy"),
            Exit("logs:PutMetricFilter", Rule.CONFIGURE, "wire:PutMetricFilter"),
        ),
        ("log:", "wire:PutLogEvents"),
    ),
    Attack(
        "a21",
        "says it in what is not content",
        (
            Exit("s3:PutObject", Rule.ACCEPTS, "wire:open-files"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "wire:open-jobs"),
            Exit("sts:AssumeRole", Rule.ACCEPTS, "wire:kept-role"),
            Exit("dynamodb:DescribeTable", Rule.PERIMETER, "wire:attackers-", part="by_name"),
            Exit("sqs:GetQueueUrl", Rule.PERIMETER, "wire:attackers-", part="by_name"),
        ),
        ("wire:kept-files", "wire:kept-jobs"),
    ),
    Attack(
        "a22",
        "reads secrets and parameters many at a time, and sends them on",
        (
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part="by_parameters"),
        ),
        ("sqs:kept-jobs",),
        seeds=("secretsmanager:partner-master",),
    ),
    Attack(
        "a23",
        "leaves it to an innocent one to carry on",
        (Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),),
        ("sqs:kept-jobs",),
    ),
    Attack(
        "a24",
        "uses or opens keys, and puts records, where somebody else sees them",
        (
            Exit("kms:Encrypt", Rule.PERIMETER, "wire:TrentService.Encrypt"),
            Exit("kms:GenerateDataKey", Rule.PERIMETER, "wire:TrentService.GenerateDataKey"),
            Exit("kms:ReEncrypt", Rule.PERIMETER, "wire:TrentService.ReEncrypt"),
            Exit("kms:CreateGrant", Rule.CONFIGURE, "wire:TrentService.CreateGrant"),
            Exit("kms:PutKeyPolicy", Rule.CONFIGURE, "wire:TrentService.PutKeyPolicy"),
            Exit("kms:Decrypt", Rule.ACCEPTS, "wire:TrentService.Decrypt", part="by_ciphertext"),
            Exit("kinesis:PutRecords", Rule.PERIMETER, "kinesis:attackers-flow"),
            Exit("kinesis:PutResourcePolicy", Rule.CONFIGURE, "wire:Kinesis_20131202.PutResourcePolicy"),
            Exit("firehose:PutRecord", Rule.PERIMETER, "wire:Firehose_20150804.PutRecord"),
            Exit("firehose:CreateDeliveryStream", Rule.CONFIGURE, "wire:CreateDeliveryStream", MOVED),
        ),
        ("wire:TrentService.Encrypt", "wire:TrentService.Decrypt", "kinesis:kept-flow"),
    ),
    Attack(
        "a26",
        "has the services carry it from store to store within the perimeter",
        (
            Exit("s3:CopyObject", Rule.ACCEPTS, "s3:open-files", part="by_object"),
            Exit("s3:UploadPartCopy", Rule.ACCEPTS, "s3:open-files", part="by_part"),
            Exit("dynamodb:UpdateItem", Rule.ACCEPTS, "dynamodb:open-notes", part="by_value"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_default"),
            Exit("dynamodb:UpdateItem", Rule.ACCEPTS, "dynamodb:open-notes", part="by_condition"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_transaction"),
            Exit("dynamodb:TransactWriteItems", Rule.ACCEPTS, "dynamodb:open-notes", part="by_absence"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part="by_etag"),
        ),
        ("s3:kept-files", "s3:kept-copies", "dynamodb:open-notes", "dynamodb:kept-notes"),
        seeds=("s3:vault-files", "dynamodb:ledger"),
    ),
    Attack(
        "a27",
        "calls its own stores by other names, so that they are not known for what they are",
        (
            Exit("dynamodb:PutItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("dynamodb:BatchWriteItem", Rule.ACCEPTS, "dynamodb:open-notes"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            Exit("sns:Publish", Rule.ACCEPTS, "sns:open-news"),
            Exit("kinesis:PutRecord", Rule.ACCEPTS, "kinesis:open-flow"),
            *(
                Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part=part)
                for part in (
                    "by_table_arn",
                    "by_number",
                    "by_exponent",
                    "by_sign",
                    "by_escapes",
                    "by_partial_arn",
                    "by_reference",
                )
            ),
        ),
        ("dynamodb:kept-notes", "sqs:kept-jobs", "sns:kept-news", "kinesis:kept-flow"),
        ways=("signed", "sdk"),
        seeds=("dynamodb:numbers", "s3:folders/dark/", "secretsmanager:partner-master"),
    ),
    Attack(
        "a28",
        "carries it into an account of its own at an allowed host",
        (
            Exit("valve:Visit", Rule.HOST, "host:hooks.test", beside=(Rule.ACCEPTS,), part="by_path"),
            Exit("valve:Visit", Rule.HOST, "host:hooks.test", beside=(Rule.ACCEPTS,), part="by_odd_path"),
            Exit("valve:Visit", Rule.WITH, "host:shop.test", part="by_key"),
            Exit("valve:Visit", Rule.WITH, "host:shop.test", part="by_no_key"),
            Exit("valve:Visit", Rule.WITH, "host:shop.test", part="by_account"),
            Exit("valve:Visit", Rule.WITH, "host:shop.test", part="by_query"),
            Exit("valve:Visit", Rule.WITH, "host:pay.test", part="by_body"),
            Exit(
                "valve:Visit",
                Rule.HOST,
                "host:attackers.test",
                beside=(Rule.ACCEPTS,),
                part="by_redirect",
            ),
        ),
        ("host:hooks.test", "host:shop.test", "host:pay.test", "host:kept.test"),
    ),
    Attack(
        "a29",
        "leaves it where it comes back later",
        tuple(
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part=part)
            for part in ("by_queue", "by_retry", "by_event", "by_chain")
        ),
        ("sqs:kept-jobs", "sqs:later-jobs"),
    ),
    Attack(
        "a30",
        "puts it where the stack's own wiring hands it on",
        (
            Exit("sns:Publish", Rule.ACCEPTS, "sqs:open-jobs", part="by_subscription"),
            Exit("s3:PutObject", Rule.ACCEPTS, "sqs:open-jobs", part="by_notification"),
            Exit("sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs", part="by_dead_letters"),
            Exit("events:PutEvents", Rule.ACCEPTS, "sqs:open-jobs", part="by_rule"),
        ),
        ("sqs:open-jobs", "sqs:kept-jobs"),
    ),
)
