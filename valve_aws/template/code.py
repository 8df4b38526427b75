"""Where a function's or a layer's code is: a folder, an archive, the template itself, or not here.

Knows how SAM and CloudFormation name code. Does not know what the code does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Code
from valve_aws.template import files
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import entries, is_open, word

REMOTE: Final = re.compile(r"(s3|https?)://", re.IGNORECASE)

INLINE: Final = 4 << 20
"""Characters (AWS::Lambda::Function Code, ZipFile)."""


def of(declared: Declared, properties: Mapping[str, Node], template: Template) -> Code:
    """Return the code of a function or a layer, from its resolved properties.

    Raises Invalid when a path leaves its folder.
    """
    if word(properties.get("PackageType"), "`PackageType`") == "Image" or "ImageUri" in properties:
        return Code(missing="its code is a container image", where=declared.where)
    asset = _asset(declared)
    if asset is not None:
        return local(asset.value, asset.where, template)
    inline = properties.get("InlineCode")
    if inline is not None:
        return _inline(inline)
    for key in ("CodeUri", "ContentUri", "Code", "Content"):
        node = properties.get(key)
        if node is not None and node.value not in (None, ""):
            return _written(node, key, template)
    # Spec: SAM, `CodeUri` is optional for a folder that `sam build` knows: the template's own.
    return local(".", declared.where, template)


def _asset(declared: Declared) -> Node | None:
    """Return the path that the CDK left beside a resource (`aws:asset:path`)."""
    metadata = entries(declared.node, "a resource").get("Metadata")
    node = (
        metadata.value.get("aws:asset:path")
        if metadata is not None and isinstance(metadata.value, dict)
        else None
    )
    return node if node is not None and isinstance(node.value, str) else None


def _inline(node: Node) -> Code:
    source = word(node, "`InlineCode`")
    if len(source) > INLINE:
        raise Invalid(node.where, f"inline code of more than {INLINE:,} characters", "put it into a file")
    return Code(inline=source, where=node.where)


def _written(node: Node, key: str, template: Template) -> Code:
    if isinstance(node.value, dict):
        if "ZipFile" in node.value:
            return _inline(node.value["ZipFile"])
        if "ImageUri" in node.value:
            return Code(missing="its code is a container image", where=node.where)
        bucket = word(node.value.get("Bucket", node.value.get("S3Bucket")), f"the bucket of `{key}`")
        name = word(node.value.get("Key", node.value.get("S3Key")), f"the key of `{key}`")
        if bucket or name:
            return Code(missing=f"its code is in S3: s3://{bucket}/{name}", where=node.where)
        return Code(missing=f"`{key}` names no code", where=node.where)
    return local(word(node, f"`{key}`"), node.where, template)


def local(written: str, where: Where, template: Template) -> Code:
    """Return the code that a path, relative to its template, leads to."""
    if REMOTE.match(written):
        return Code(missing=f"its code is not on this machine: {written[:200]}", where=where)
    if is_open(written):
        return Code(missing=f"where its code is, is known only at deployment: {written[:200]}", where=where)
    path = files.within(template.ground.root, template.folder, written, where)
    kind = files.what(path)
    if kind == "folder":
        return _folder(path, written, where)
    if kind == "archive":
        return Code(archive=path, where=where)
    if kind == "file":
        return Code(missing=f"`{written[:200]}` is neither a folder nor an archive", where=where)
    return Code(missing=f"`{written[:200]}` is not there; build it first (`sam build`)", where=where)


def _folder(path: Path, written: str, where: Where) -> Code:
    if files.private(path):
        raise Invalid(
            where,
            f"`{written}` is a home folder, or holds one",
            "put the application into a folder of its own",
        )
    return Code(folder=path, where=where)
