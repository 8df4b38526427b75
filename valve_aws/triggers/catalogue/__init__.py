"""Sample events of AWS's services, for `valve local generate-event`.

Knows the catalogue of services, events and options, and how an option's value comes into an event. Does not
know commands.
"""

from valve_aws.triggers.catalogue.files import Sample, sample, samples, service_name, services
from valve_aws.triggers.catalogue.filling import filled

__all__ = ["Sample", "filled", "sample", "samples", "service_name", "services"]
