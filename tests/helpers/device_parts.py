"""Verifying a bundle on a device, as its tests do."""

from edgepack.options import RunnerChoice
from edgepack.verification import VerifyOptions, verify
from edgepack.workers import Limits


def verify_on_device(bundle, events=None, seconds=60.0, **choice):
    options = VerifyOptions(runners=RunnerChoice(("device",), **choice), limits=Limits(seconds))
    return verify(bundle, options, emit=(lambda _: None) if events is None else events.append)
