"""Data that a build gets from its user besides the model: for calibration, and for telling accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgepack.calibration import find_calibration, open_calibration
from edgepack.errors import SourceError
from edgepack.events import step
from edgepack.golden import GoldenSet
from edgepack.labels import LabelledData, open_labels
from edgepack.lanes import Site
from edgepack.options import BuildOptions
from edgepack.samples import Samples
from edgepack.sources.base import SourceKind
from edgepack.suggest import did_you_mean
from edgepack.workers import JobFailed


def check_user_data(options: BuildOptions) -> None:
    """Make sure that the data is there, before anything is loaded.

    Raises:
        SourceError: It is not; the hint names what is near.
    """
    if options.calibration.source is not None:
        find_calibration(options.calibration.source)
    for path in (*options.golden.files, *filter(None, [options.labels.file])):
        if not path.exists():
            near = did_you_mean(path.name, [one.name for one in path.parent.glob("*")])
            raise SourceError(f"no such file: {path}", hint=near)


def read_user_data(
    site: Site, kind: SourceKind, golden: GoldenSet
) -> tuple[Samples | None, LabelledData | None]:
    """Read calibration and labelled data, each in a worker and only if the user named any.

    Args:
        site: Says what is wanted, and where workers are.
        kind: Its worker has the libraries of the source, which the user's generators may need too.
        golden: The cases and the contract of the loaded model.

    Raises:
        SourceError: Data cannot be read, or does not fit the model.
        ToolError: Pillow, which pictures need, is not installed.
    """

    def read(what: str, job: Callable[..., Any]) -> Any:
        with step(site.emit, f"read the {what}"):
            try:
                worker = site.workers.start(*kind.modules)
                return worker.run(job, site.options, golden.model, golden, name=what)
            except JobFailed as error:
                raise error.as_error(SourceError, f"reading the {what} failed") from error

    calibration = read("calibration data", open_calibration) if site.options.calibration.source else None
    labels = read("labelled data", open_labels) if site.options.labels.file else None
    return calibration, labels
