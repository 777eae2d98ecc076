"""What a build is asked to do, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgepack.sources.base import SourceRequest
from edgepack.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class GoldenOptions:
    """Where golden cases come from.

    Attributes:
        cases: How many seeded cases are drawn.
        seed: Of the generator.
        files: The user's own cases instead, one .npz each.
        allow_degenerate: Accept references that are constant by nature.
    """

    cases: int = 3
    seed: int = 0
    files: tuple[Path, ...] = ()
    allow_degenerate: bool = False


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """One build.

    Attributes:
        source: The model.
        target: A name of `edgepack.targets.TARGETS`.
        output: Where the bundle goes: a folder, or a file that ends in .zip.
        name: Of the bundle and the stem of its files.
        formats: Only these formats of the target, or all when empty.
        precisions: Only these precisions, or the target's when empty.
        golden: Where golden cases come from.
        limits: What each worker's job may use.
        script: For PyTorch Mobile: script the module instead of tracing it.
        bytecode: For PyTorch Mobile: the bytecode version to backport to.
        keep_going: Ship what was proven when something that should have worked did not.
        keep_failed: Where the evidence of failures is kept, if anywhere.
        force: Replace an output that is not a bundle.
        cache: Use finished artifacts of earlier builds.
    """

    source: SourceRequest
    target: str
    output: Path
    name: str
    formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    golden: GoldenOptions = field(default_factory=GoldenOptions)
    limits: Limits = field(default_factory=Limits)
    script: bool = False
    bytecode: int | None = None
    keep_going: bool = False
    keep_failed: Path | None = None
    force: bool = False
    cache: bool = True
