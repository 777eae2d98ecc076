"""What runners computed, kept for as long as a build or a verification lasts, to set one beside another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.report.model import ArtifactResult
from edgepack.verdict import Difference

if TYPE_CHECKING:
    from edgepack.bundle.manifest import TensorContract
    from edgepack.compare import Array

_HOST = "host"


@dataclass(frozen=True, slots=True)
class KeptOutputs:
    """Outputs by artifact and place; of a file that is run twice in a place, the last ones.

    Attributes:
        folder: Where they are; made when the first come.
    """

    folder: Path

    def keep(
        self,
        artifact_id: str,
        place: str,
        cases: Sequence[Mapping[str, Array]],
        contracts: Sequence[TensorContract],
    ) -> None:
        """Keep what a runner computed.

        Args:
            artifact_id: "format/precision".
            place: `ArtifactResult.place` of the run.
            cases: Per golden case, the outputs by name, in the source's layout.
            contracts: Of the outputs; those with one scale tell what a step of a quantised output is.
        """
        import numpy as np

        self.folder.mkdir(exist_ok=True)
        tensors: dict[str, Any] = {
            f"{case}.{one.index}": outputs[one.name]
            for case, outputs in enumerate(cases)
            for one in contracts
        }
        tensors |= {f"step.{one.index}": one.scale[0] for one in contracts if len(one.scale) == 1}
        np.savez(self._path(artifact_id, place), **tensors)

    def beside_host(self, results: Sequence[ArtifactResult]) -> tuple[ArtifactResult, ...]:
        """Complete the results of other places by how far their outputs are from this machine's."""
        return tuple(self._complete(result) for result in results)

    def _complete(self, result: ArtifactResult) -> ArtifactResult:
        there, here = self._path(result.artifact_id, result.place), self._path(result.artifact_id, _HOST)
        if result.runner == _HOST or not there.exists() or not here.exists():
            return result
        return replace(result, beside_host=_difference(there, here))

    def _path(self, artifact_id: str, place: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{artifact_id} {place}'.encode()).hexdigest()}.npz"


def kept_in(scratch: Path) -> KeptOutputs:
    """Give the place for outputs within the folder of one build or verification."""
    return KeptOutputs(scratch / "outputs")


def _difference(there: Path, here: Path) -> Difference:
    import numpy as np

    values = different = 0
    largest = relative = steps = 0.0
    with np.load(there) as got, np.load(here) as host:
        for key in (name for name in host.files if not name.startswith("step.")):
            one, other = got[key], host[key]
            values += other.size
            if one.shape != other.shape:
                return Difference(values, values, inf, inf)
            changed = ~((one == other) | (np.isnan(one) & np.isnan(other)))
            if not changed.any():
                continue
            different += int(changed.sum())
            distances = np.abs(one[changed].astype(np.float64) - other[changed].astype(np.float64))
            apart = float(np.where(np.isnan(distances), inf, distances).max())
            largest = max(largest, apart)
            size = float(np.abs(other.astype(np.float64)).max(where=np.isfinite(other), initial=0.0))
            relative = max(relative, apart / size if size else inf)
            step = f"step.{key.partition('.')[2]}"
            if step in host.files:
                steps = max(steps, apart / float(host[step]))
    return Difference(values, different, largest, relative, steps or None)
