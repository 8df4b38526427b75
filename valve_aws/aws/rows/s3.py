"""Effect rows of S3's objects and uploads.

Knows what each operation on objects looks at, shows and changes. Does not know the bucket's own settings,
which are in `s3_setup`, nor where its words find things, which is `s3_words`.
"""

from __future__ import annotations

from valve_aws.aws.rows import s3_onward, s3_setup, s3_words
from valve_aws.aws.rows.row import Row, Service

READS = (
    Row("GetObject", "the object, or that it is not there; conditions and ranges look at the same object",
        reveals="object name", actions="s3:GetObject@current s3:GetObjectVersion@version",
        leaves="key=Key version=VersionId asked"),
    Row("HeadObject", "metadata, size and ETag (the MD5 of the bytes) are the object's",
        reveals="object name", actions="s3:GetObject@current s3:GetObjectVersion@version",
        leaves="key=Key version=VersionId asked"),
    Row("GetObjectAttributes", "checksums, sizes and parts are the object's", reveals="object name",
        actions="s3:GetObject@current s3:GetObjectAttributes@current s3:GetObjectVersion@version "
                "s3:GetObjectVersionAttributes@version", leaves="key=Key version=VersionId"),
    Row("GetObjectTagging", "tags are part of the object's cell", reveals="object name",
        actions="s3:GetObjectTagging@current s3:GetObjectVersionTagging@version",
        leaves="key=Key version=VersionId"),
    Row("GetObjectAcl", "the ACL is part of the object's cell: a put resets it", reveals="object name",
        actions="s3:GetObjectAcl@current s3:GetObjectVersionAcl@version", leaves="key=Key version=VersionId"),
    Row("GetObjectAnnotation", "annotations are part of the object's cell", reveals="object name",
        actions="s3:GetObjectAnnotation@object",
        leaves="key=Key version=VersionId annotation=AnnotationName"),
    Row("ListObjectAnnotations", "annotations are part of the object's cell", reveals="object name",
        actions="s3:ListObjectAnnotations@object",
        leaves="key=Key version=VersionId annotation=AnnotationPrefix"),
    Row("GetObjectLegalHold", "the hold is part of the object's cell", reveals="object name",
        actions="s3:GetObjectLegalHold@object", leaves="key=Key version=VersionId"),
    Row("GetObjectRetention", "the retention is part of the object's cell", reveals="object name",
        actions="s3:GetObjectRetention@object", leaves="key=Key version=VersionId"),
    Row("GetObjectTorrent", "a torrent is made of the object's bytes", reveals="object name",
        actions="s3:GetObjectTorrent@object", leaves="key=Key"),
    Row("SelectObjectContent", "what a query selects and, by what is missing, what it does not",
        reveals="object name", actions="s3:GetObject@object", leaves="key=Key"),
    # Why content in listings: each line carries the ETag, the MD5 of the object's bytes, and its size.
    Row("ListObjects", "names, and a digest of what each holds", reveals="prefix prefix-content",
        actions="s3:ListBucket@bucket", leaves="prefix=Prefix delimiter=Delimiter after=Marker"),
    Row("ListObjectsV2", "names, and a digest of what each holds", reveals="prefix prefix-content",
        actions="s3:ListBucket@bucket",
        leaves="prefix=Prefix delimiter=Delimiter after=StartAfter after=ContinuationToken"),
    Row("ListObjectVersions", "names, and a digest of what each version holds",
        reveals="prefix prefix-content", actions="s3:ListBucketVersions@bucket",
        leaves="prefix=Prefix delimiter=Delimiter after=KeyMarker version=VersionIdMarker"),
    Row("ListMultipartUploads", "the keys and ids of uploads under way", reveals="prefix",
        actions="s3:ListBucketMultipartUploads@bucket",
        leaves="prefix=Prefix delimiter=Delimiter after=KeyMarker after=UploadIdMarker"),
)

PUT = ("s3:PutObject@object s3:PutObjectAcl@acl s3:PutObjectTagging@tagged s3:PutObjectRetention@retained "
       "s3:PutObjectLegalHold@held kms:GenerateDataKey@kms")

# Why blind without a condition: the reply shows the digest of what was sent, and a random version.
WRITES = (
    Row("PutObject", "replaces the object; a condition tells what was there; an append keeps what was there",
        consults="appended", reveals="precondition appended", changes="object name", opens="opening",
        blind="unconditional", actions=PUT, leaves="key=Key written"),
    # Why the target is consulted: its tags outlive the copy at moto.
    Row("CopyObject",
        "replaces an object by another's content, which the reply's ETag digests; conditions look at both",
        consults="source object name", reveals="source source-name precondition", changes="object name",
        opens="opening", blind="unconditional",
        actions=f"s3:GetObject@source s3:GetObjectVersion@source-version {PUT}",
        leaves="key=Key source=CopySource written"),
    Row("RenameObject", "moves an object's content to another key; conditions look at both",
        consults="rename-source", reveals="rename-source rename-source-name object name",
        changes="object name rename-source rename-source-name",
        actions="s3:PutObject@object s3:GetObject@rename-source s3:DeleteObject@rename-source",
        leaves="key=Key source=RenameSource"),
    Row("DeleteObject",
        "answers the same whether or not it was there, but for a condition or a named version",
        reveals="precondition versioned", changes="object name", blind="unconditional",
        actions="s3:DeleteObject@current s3:DeleteObjectVersion@version", leaves="key=Key version=VersionId"),
    Row("DeleteObjects", "as DeleteObject, for each", reveals="listed-told", changes="listed listed-names",
        blind="listed-unconditional", actions="s3:DeleteObject@listed s3:DeleteObjectVersion@listed-versions",
        leaves="key=Delete.Objects.Key"),
)

# Part of an object rewritten: the object is consulted so that its label stays, and an error tells that it is
# not there.
TOUCHES = (
    Row("PutObjectTagging", "tags are part of the object's cell", consults="object", reveals="name",
        changes="object", blind="always",
        actions="s3:PutObjectTagging@current s3:PutObjectVersionTagging@version",
        leaves="key=Key version=VersionId tag=Tagging.TagSet.Key tag=Tagging.TagSet.Value"),
    Row("DeleteObjectTagging", "tags are part of the object's cell", consults="object", reveals="name",
        changes="object", blind="always",
        actions="s3:DeleteObjectTagging@current s3:DeleteObjectVersionTagging@version",
        leaves="key=Key version=VersionId"),
    Row("PutObjectAcl", "the ACL is part of the object's cell", consults="object", reveals="name",
        changes="object", opens="changes who may read the object", blind="always",
        actions="s3:PutObjectAcl@current s3:PutObjectVersionAcl@version", leaves="key=Key version=VersionId"),
    Row("PutObjectAnnotation", "annotations are part of the object's cell; a condition looks at it",
        consults="object", reveals="object name", changes="object", actions="s3:PutObjectAnnotation@object",
        leaves="key=Key version=VersionId annotation=AnnotationName"),
    Row("DeleteObjectAnnotation", "annotations are part of the object's cell; a condition looks at it",
        consults="object", reveals="object name", changes="object",
        actions="s3:DeleteObjectAnnotation@object",
        leaves="key=Key version=VersionId annotation=AnnotationName"),
    Row("PutObjectLegalHold", "the hold is part of the object's cell", consults="object", reveals="name",
        changes="object", blind="always", actions="s3:PutObjectLegalHold@object",
        leaves="key=Key version=VersionId"),
    Row("PutObjectRetention",
        "part of the object's cell; a shorter one is refused, which tells the older one", consults="object",
        reveals="object name", changes="object", actions="s3:PutObjectRetention@object",
        leaves="key=Key version=VersionId"),
    Row("RestoreObject", "its state is part of the object's cell and shows in the status", consults="object",
        reveals="object name", changes="object", opens="restoring", actions="s3:RestoreObject@object",
        leaves="key=Key version=VersionId"),
    Row("UpdateObjectEncryption", "the same bytes under another key", consults="object",
        reveals="object name", changes="object", opens="encrypts what is there under another key",
        actions="s3:UpdateObjectEncryption@object", leaves="key=Key version=VersionId"),
)

# An upload is a set of cells of its own: what it was begun with, and one for each part (`names.upload`).
UPLOADS = (
    Row("CreateMultipartUpload", "metadata given here ends up in the object; the upload's id is random",
        consults="begun", changes="begun", opens="opening", blind="always", actions=PUT,
        leaves="key=Key written"),
    Row("UploadPart", "a part is a cell; an error tells that the upload is not there", reveals="upload-name",
        changes="part", opens="opening", blind="always", actions="s3:PutObject@object",
        leaves="key=Key upload=UploadId"),
    Row("UploadPartCopy", "a part taken from an object, which the reply's ETag digests", consults="source",
        reveals="source source-name upload-name", changes="part", opens="opening", blind="always",
        actions="s3:GetObject@source s3:GetObjectVersion@source-version s3:PutObject@object",
        leaves="key=Key upload=UploadId source=CopySource"),
    Row("ListParts", "sizes and ETags of the parts", reveals="upload upload-name",
        actions="s3:ListMultipartUploadParts@object", leaves="key=Key upload=UploadId"),
    Row("CompleteMultipartUpload",
        "the parts become the object; the ETag digests them, a part too small is told", consults="upload",
        reveals="upload upload-name precondition", changes="object name upload upload-name", opens="opening",
        blind="unconditional", actions="s3:PutObject@object", leaves="key=Key upload=UploadId"),
    Row("AbortMultipartUpload", "the parts are gone; an error tells that the upload is not there",
        reveals="upload-name", changes="upload upload-name", blind="always",
        actions="s3:AbortMultipartUpload@object", leaves="key=Key upload=UploadId"),
)

OTHERS = (
    Row("CreateSession", "answers with credentials that outlive the call", reveals="config",
        opens="issues credentials of its own", actions="s3express:CreateSession@bucket"),
    Row("WriteGetObjectResponse", "answers a GetObject that somebody else made", changes="route",
        opens="answers another caller's request", actions="s3-object-lambda:WriteGetObjectResponse@any",
        leaves="route=RequestRoute"),
)

SERVICE = Service(
    rows=READS + WRITES + TOUCHES + UPLOADS + OTHERS + s3_setup.ROWS,
    extents=s3_words.EXTENTS,
    arns={**s3_words.ARNS, "handed": s3_onward.handed},
    openers={"opening": s3_words.OPENING, "restoring": s3_words.restoring},
    proofs={"unconditional": s3_words.unconditional, "listed-unconditional": s3_words.listed_unconditional},
    leaves=s3_words.LEAVES,
)
