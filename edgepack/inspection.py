"""What an ONNX model is and what would become of it; nothing is converted."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.errors import SourceError
from edgepack.sources import onnx_summary
from edgepack.sources.base import SourceRequest
from edgepack.sources.paths import require_file
from edgepack.toolchain.packages import missing_tool
from edgepack.workers import JobFailed, Workers

if TYPE_CHECKING:
    from edgepack.backends.passes.plan import Plan
    from edgepack.sources.onnx_summary import ModelSummary


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found out about a model.

    Attributes:
        summary: What it is.
        plan: What would become of it, if that was asked.
    """

    summary: ModelSummary
    plan: Plan | None


def inspect_onnx(request: SourceRequest, *, plan: bool = False) -> Inspection:
    """Read an ONNX model in a process of its own.

    Args:
        request: The file; for a plan also sizes that it leaves open, and bindings.
        plan: Whether to tell what the TFLite backend would do with each node.

    Raises:
        SourceError: There is no such file, it is damaged, or for a plan its inputs are not settled.
        ToolError: onnx is not installed.
    """
    require_file(request.text)
    if find_spec("onnx") is None and (missing := missing_tool("onnx")):
        raise missing
    with tempfile.TemporaryDirectory(prefix="edgepack-") as scratch, Workers(Path(scratch)) as workers:
        worker = workers.start("onnx")
        try:
            summary = worker.run(onnx_summary.summarise_file, Path(request.text), name="inspect")
            planned = worker.run(onnx_summary.plan_file, request, name="plan") if plan else None
        except JobFailed as error:
            raise error.as_error(SourceError, f"{request.text}: inspecting it failed") from error
    return Inspection(summary, planned)
