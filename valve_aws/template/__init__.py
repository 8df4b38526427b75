"""CloudFormation and SAM templates, read into an application.

Knows what a template says. Does not know how its text is parsed, nor what may be done with what it describes.
"""

from __future__ import annotations

from valve_aws.template.files import inspect, locate, project
from valve_aws.template.reading import read, schema

__all__ = ["read", "locate", "schema", "inspect", "project"]
