"""What a report says of runs elsewhere: how long they took, and how far they are from this machine."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.report.model import ArtifactResult
from edgepack.verdict import Difference


def emulated_lines(results: Sequence[ArtifactResult]) -> list[str]:
    """Say of each run on ARM64 what it took, and how far its outputs are from this machine's."""
    return [
        _line(one, _emulated(one), _host(one, results))
        for one in results
        if one.runner == "arm64" and not one.error
    ]


def device_lines(results: Sequence[ArtifactResult]) -> list[str]:
    """Say of each run on a device how quick it was, and how far its outputs are from this machine's."""
    return [
        _line(one, _device(one), _host(one, results))
        for one in results
        if one.runner == "device" and not one.error
    ]


def _host(result: ArtifactResult, results: Sequence[ArtifactResult]) -> ArtifactResult | None:
    same = (one for one in results if one.artifact_id == result.artifact_id and one.runner == "host")
    return next(same, None)


def _emulated(result: ArtifactResult) -> list[str]:
    said = [f"started in {result.starting:.1f} s, ran {result.running:.1f} s"]
    if result.instructions is not None:
        said.append(f"{result.instructions / 1e6:.2f} million instructions an inference")
    return said


def _device(result: ArtifactResult) -> list[str]:
    said = [f"loaded in {1e3 * result.starting:.1f} ms"] if result.starting else []
    if latency := result.latency:
        said.append(
            f"{latency.median_ms:.2f} ms an inference, {latency.p90_ms:.2f} ms at most in nine of ten "
            f"({latency.runs} runs)"
        )
    return said


def _line(result: ArtifactResult, said: list[str], host: ArtifactResult | None) -> str:
    if result.beside_host is not None:
        said.append(_difference(result.beside_host))
        if host is not None and not result.beside_host.usual:
            said.append(
                f"that is more than rounding: from the model it is {_distance(result)} there, "
                f"{_distance(host)} here"
            )
    return f"{result.artifact_id}, {result.runtime}: {'; '.join(said) or 'nothing was timed'}"


def _distance(result: ArtifactResult) -> str:
    return f"{result.snr_db:.1f} dB, at most {result.max_error:.2g},"


def _difference(found: Difference) -> str:
    if not found.different:
        return "this machine's outputs, bit by bit"
    how_far = f"{found.largest:.2g}" + ("" if found.steps is None else f" ({found.steps:.3g} steps)")
    share = found.different / found.values
    return f"{share:.1%} of the outputs differ from this machine's, by at most {how_far}"
