"""The functions that programs call; `import edgepack` offers them as `edgepack.build` and so on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from edgepack.errors import UsageError
from edgepack.events import Listener, ignore
from edgepack.settings import Settings, check

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from edgepack.bundle import Bundle
    from edgepack.compare import Array
    from edgepack.report import Report


def build(source: str | Path, *, emit: Listener = ignore, **settings: Unpack[Settings]) -> Bundle:
    """Make a bundle from a model: export it for a target, prove every file, package what was proven.

    What a setting leaves open is the target's to decide, or else the default that
    `edgepack.options.BuildOptions` states. Project files and environment variables are not consulted: a
    program says what it wants.

    Args:
        source: The model by name, never the object: "package.module:attr" or "file.py:attr" (an nn.Module,
            or a callable that makes one), or the path of a .pt, .pt2, .pth or .onnx file.
        emit: Called with every event, from several threads at once.
        **settings: See `edgepack.Settings`. For example `inputs=["image:float32[1,3,224,224]"]` with every
            dimension fixed, `target="android"`, `output="dist/model"`, `timeout=600` in seconds,
            `memory="8GiB"` or in bytes.

    Returns:
        The bundle, on disk and open.

    Raises:
        UsageError: A setting is unknown or makes no sense, or the output cannot be written.
        SourceError: The model cannot be loaded, or gives no reference that proves anything.
        ConversionError: No route led to an artifact that the target asks for.
        VerificationFailed: A file was made that computes something else; `details["report"]` is the `Report`.
        ToolError: A package is not installed; the hint names the extra that brings it.
    """
    from edgepack.config import build_options

    options = build_options(_source(source), check(settings, "edgepack.build"))
    from edgepack.pipeline import build as run_pipeline

    return run_pipeline(options, emit).bundle


def verify(bundle: str | Path | Bundle, *, emit: Listener = ignore) -> Report:
    """Check a bundle's files, run its golden cases on every artifact, and judge the outputs.

    Args:
        bundle: A bundle, or the path of its folder or .zip.
        emit: Called with every event, from several threads at once.

    Returns:
        The report; true when every artifact computes what the source model computed. Errors are in the
        outputs' own units.

    Raises:
        BundleError: The bundle is damaged, of an unknown version, or not safe to read.
        UsageError: It holds no golden case, or what was given is neither bundle nor path.
        ToolError: A runtime is not installed; the hint names the extra that brings it.
        VerificationFailed: A golden case's picture does not become its input.
    """
    from edgepack.verification import verify as run_verification

    return run_verification(_path(bundle), emit=emit)


def run(bundle: str | Path | Bundle, artifact: str, inputs: Mapping[str, ArrayLike]) -> Mapping[str, Array]:
    """Run one artifact on this machine, in a process of its own.

    Args:
        bundle: A bundle, or the path of its folder or .zip.
        artifact: "format/precision", for example "tflite/float32".
        inputs: By name, in the source model's layout, shape and dtype, batch dimension included; arrays,
            tensors, or nested lists of numbers that fit the dtype.

    Returns:
        The outputs by name, in the source model's layout, shape and dtype.

    Raises:
        BundleError: The bundle is damaged, of an unknown version, or not safe to read.
        UsageError: There is no such artifact or input, or an input is missing or no array.
        SourceError: An input has another shape or dtype than the model takes.
        ToolError: The runtime is not installed; the hint names the extra that brings it.
        VerificationFailed: The runtime refused the file, or crashed.
    """
    from edgepack.verification import run_artifact

    return run_artifact(_path(bundle), artifact, inputs)


def _source(source: object) -> str:
    if isinstance(source, str | Path):
        return str(source)
    raise UsageError(
        f"edgepack.build takes the name of a model, not an object of type {type(source).__name__}",
        hint='name what makes it, "module:attr" or "file.py:attr": other processes load it from there',
    )


def _path(bundle: object) -> Path:
    from edgepack.bundle import Bundle

    if isinstance(bundle, Bundle):
        return bundle.path
    if isinstance(bundle, str | Path):
        return Path(bundle)
    raise UsageError(
        f"an object of type {type(bundle).__name__} is no bundle",
        hint="give what edgepack.build returned, or the path of a bundle's folder or .zip",
    )
