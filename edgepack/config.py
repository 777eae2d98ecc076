"""What settings mean together: the frozen value that a build takes."""

from __future__ import annotations

import re
from pathlib import Path

from edgepack.errors import UsageError
from edgepack.input_syntax import parse_binding, parse_input
from edgepack.options import (
    AUTO,
    IO,
    RUNNERS,
    BuildOptions,
    CalibrationOptions,
    GoldenOptions,
    LabelOptions,
    QuantisationOptions,
    RunnerChoice,
)
from edgepack.precision import Gates
from edgepack.processing.parsing import parse_postprocess, parse_preprocess
from edgepack.processing.steps import Processing
from edgepack.settings import Settings, parse_size
from edgepack.sources.base import SourceRequest
from edgepack.suggest import choices
from edgepack.targets import Target, find_target
from edgepack.workers.limits import Limits, machine_share

DEFAULT_TARGET = "android"


def build_options(source: str, settings: Settings) -> BuildOptions:
    """Turn settings into the frozen value that a build takes.

    Args:
        source: The model: "package.module:attr", "file.py:attr", or a file's path.
        settings: Already layered.

    Raises:
        UsageError: They make no sense together or on this target.
    """
    target = find_target(settings.get("target", DEFAULT_TARGET))
    name = _name(source, settings)
    formats, precisions = tuple(settings.get("formats", ())), tuple(settings.get("precisions", ()))
    target.plan(formats, precisions, calibrated=settings.get("calibration") is not None)
    keep_failed = settings.get("keep_failed")
    return BuildOptions(
        source=_source(source, settings),
        target=target.name,
        output=_output(settings, name),
        name=name,
        formats=formats,
        precisions=precisions,
        golden=_golden(settings),
        calibration=_calibration(settings),
        labels=_labels(settings),
        quantisation=_quantisation(settings),
        processing=_processing(settings),
        runners=_build_runners(settings),
        limits=limits(settings),
        script=settings.get("script", False),
        bytecode=_bytecode(settings, target),
        keep_going=settings.get("keep_going", False),
        keep_failed=None if keep_failed is None else Path(keep_failed),
        force=settings.get("force", False),
        cache=settings.get("cache", True),
    )


def limits(settings: Settings) -> Limits:
    """Say what each job may use.

    Raises:
        UsageError: A limit is negative.
    """
    seconds = settings.get("timeout", Limits().seconds)
    if seconds is not None and seconds < 0:
        raise UsageError(f"timeout must not be negative, not {seconds:g}", hint="0 means no limit")
    memory = settings.get("memory")
    size = parse_size(memory) if isinstance(memory, str) else memory
    if size is not None and size <= 0:
        raise UsageError(f"memory must be more than 0 bytes, not {memory!r}")
    return Limits(seconds=seconds or None, memory=size or machine_share())


def runner_choice(settings: Settings) -> RunnerChoice:
    """Say where artifacts have to be right.

    Raises:
        UsageError: There is no such runner.
    """
    names = tuple(settings.get("runners", ())) or RunnerChoice().names
    for name in names:
        if name not in RUNNERS:
            raise UsageError(f"unknown runner {name!r}", hint=choices(name, RUNNERS))
    return RunnerChoice(names, tuple(settings.get("runtimes", ())), tuple(settings.get("cpus", ())))


def derive_name(source: str) -> str:
    """Name a bundle after its source: the attribute of "file.py:attr", or the file without its suffix."""
    file, colon, attribute = source.rpartition(":")
    is_attribute = bool(colon and file) and re.fullmatch(r"\w+(?:\.\w+)*", attribute) is not None
    stem = attribute.rpartition(".")[2] if is_attribute else Path(source).stem
    return re.sub(r"[^\w.-]+", "_", stem, flags=re.ASCII).strip("._-") or "model"


def _name(source: str, settings: Settings) -> str:
    name = settings.get("name") or derive_name(source)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]*", name, re.ASCII):
        raise UsageError(f"name {name!r} can't name files", hint="use letters, digits, '_', '-' and '.'")
    return name


def _output(settings: Settings, name: str) -> Path:
    output = settings.get("output", Path("dist", name))
    if output == "":
        # What a shell makes of a variable that is not set.
        raise UsageError("output is empty", hint=f"name a folder or a .zip, or leave it out for dist/{name}")
    return Path(output)


def _source(text: str, settings: Settings) -> SourceRequest:
    return SourceRequest(
        text=text,
        inputs=tuple(parse_input(one) for one in settings.get("inputs", ())),
        arch=settings.get("arch"),
        trust=settings.get("trust", False),
        bind=tuple(parse_binding(one) for one in settings.get("bind", ())),
    )


def _processing(settings: Settings) -> Processing:
    return Processing(
        tuple(parse_preprocess(text) for text in settings.get("preprocess", ())),
        tuple(parse_postprocess(text) for text in settings.get("postprocess", ())),
    )


def _build_runners(settings: Settings) -> RunnerChoice:
    runners = runner_choice(settings)
    if "device" in runners.names:
        raise UsageError(
            "a build cannot run on a device", hint="build first, then `edgepack verify --runner device`"
        )
    return runners


def _golden(settings: Settings) -> GoldenOptions:
    golden = GoldenOptions(
        cases=settings.get("cases", GoldenOptions().cases),
        seed=settings.get("seed", GoldenOptions().seed),
        files=tuple(Path(file) for file in settings.get("golden", ())),
        allow_degenerate=settings.get("allow_degenerate", False),
    )
    if golden.cases < 1:
        raise UsageError(
            f"cases must be at least 1, not {golden.cases}", hint="nothing is proven without one"
        )
    if golden.seed < 0:
        raise UsageError(f"seed must not be negative, not {golden.seed}")
    return golden


def _calibration(settings: Settings) -> CalibrationOptions:
    source = settings.get("calibration")
    limit = settings.get("calibration_limit", CalibrationOptions().limit)
    if limit < 1:
        raise UsageError(f"calibration_limit must be at least 1, not {limit}")
    return CalibrationOptions(None if source is None else str(source), limit)


def _labels(settings: Settings) -> LabelOptions:
    file = settings.get("labels")
    return LabelOptions(None if file is None else Path(file), settings.get("labels_output"))


def _quantisation(settings: Settings) -> QuantisationOptions:
    io = settings.get("io", IO[0])
    if io not in IO:
        raise UsageError(f"io must be one of {', '.join(IO)}, not {io!r}", hint=choices(io, IO))
    patterns = tuple(settings.get("keep_float", ()))
    if AUTO in patterns and len(patterns) > 1:
        raise UsageError("keep_float is either auto or patterns, not both")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"keep_float {pattern!r} is no regular expression: {error}") from error
    return QuantisationOptions(io, patterns, _gates(settings))


def _gates(settings: Settings) -> Gates:
    agreement, drop = settings.get("min_agreement"), settings.get("max_accuracy_drop")
    if agreement is not None and not 1 < agreement <= 100:
        # 0.95 would ask for next to nothing where 95 was meant.
        raise UsageError(f"min_agreement is in percent, up to 100, not {agreement:g}", hint="for example 95")
    if drop is not None and drop < 0:
        raise UsageError(f"max_accuracy_drop must not be negative, not {drop:g}")
    if drop is not None and settings.get("labels") is None:
        raise UsageError("max_accuracy_drop needs labelled data", hint="give some with --labels")
    return Gates(settings.get("min_snr"), None if agreement is None else agreement / 100, drop)


def _bytecode(settings: Settings, target: Target) -> int | None:
    version = settings.get("bytecode")
    for runtime in target.runtimes:
        if version is None or runtime.bytecode is None:
            continue
        low, high = runtime.bytecode
        if not low <= version <= high:
            raise UsageError(
                f"bytecode {version} does not run on target {target.name}",
                hint=f"{runtime.name} {runtime.release} loads {low} to {high}",
            )
    return version
