"""Where a build's settings come from, and in which order."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

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
from edgepack.settings import KINDS, PATHS, Settings, check, parse, parse_size
from edgepack.sources.base import SourceRequest
from edgepack.sources.paths import split_target
from edgepack.suggest import choices
from edgepack.targets import Target, find_target
from edgepack.workers.limits import Limits

DEFAULT_TARGET = "android"
PREFIX = "EDGEPACK_"
_OTHER_VARIABLES = ("EDGEPACK_CACHE_DIR",)
# Whoever wrote the file that lies beside a model must not decide which code runs and what is overwritten.
_COMMAND_LINE_ONLY = ("arch", "trust", "force")


def layered(command_line: Settings, environment: Settings, project: Settings) -> Settings:
    """Put the layers together, each over the next: command line, environment, project file.

    What none of them says is the target's to say (formats and precisions, by `Target.plan`), or else
    `BuildOptions`' own default.
    """
    return project | environment | command_line


def load(
    command_line: Mapping[str, object], folder: Path, environ: Mapping[str, str] | None = None
) -> Settings:
    """Gather all settings for a command that runs in a folder.

    Args:
        command_line: Only what was given there.
        folder: Where the nearest project file is looked for, and upward.
        environ: Environment variables; the process's own if not given.

    Raises:
        UsageError: A variable or a file holds an unknown key or a value of the wrong kind.
    """
    environment = _from_environment(os.environ if environ is None else environ)
    return layered(check(command_line, "command line"), environment, _from_project(folder))


def build_options(source: str, settings: Settings) -> BuildOptions:
    """Turn settings into the frozen value that a build takes.

    Args:
        source: The model: "package.module:attr", "file.py:attr", or a file's path.
        settings: Already layered.

    Raises:
        UsageError: They make no sense together or on this target.
    """
    target = find_target(settings.get("target", DEFAULT_TARGET))
    name = settings.get("name") or derive_name(source)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]*", name, re.ASCII):
        raise UsageError(f"name {name!r} can't name files", hint="use letters, digits, '_', '-' and '.'")
    formats, precisions = tuple(settings.get("formats", ())), tuple(settings.get("precisions", ()))
    target.plan(formats, precisions, calibrated=settings.get("calibration") is not None)
    keep_failed = settings.get("keep_failed")
    runners = runner_choice(settings)
    if "device" in runners.names:
        raise UsageError(
            "a build cannot run on a device", hint="build first, then `edgepack verify --runner device`"
        )
    return BuildOptions(
        source=SourceRequest(
            text=source,
            inputs=tuple(parse_input(text) for text in settings.get("inputs", ())),
            arch=settings.get("arch"),
            trust=settings.get("trust", False),
            bind=tuple(parse_binding(text) for text in settings.get("bind", ())),
        ),
        target=target.name,
        output=Path(settings.get("output") or Path("dist", name)),
        name=name,
        formats=formats,
        precisions=precisions,
        golden=_golden(settings),
        calibration=_calibration(settings),
        labels=_labels(settings),
        quantisation=_quantisation(settings),
        processing=Processing(
            tuple(parse_preprocess(text) for text in settings.get("preprocess", ())),
            tuple(parse_postprocess(text) for text in settings.get("postprocess", ())),
        ),
        runners=runners,
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
    return Limits(seconds=seconds or None, memory=size)


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


def _from_environment(environ: Mapping[str, str]) -> Settings:
    variables = {PREFIX + name.upper(): name for name in KINDS if name not in _COMMAND_LINE_ONLY}
    found: dict[str, object] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        if variable not in variables:
            _refuse_command_line_only(
                variable.removeprefix(PREFIX).lower(), f"environment variable {variable}"
            )
            known = (*variables, *_OTHER_VARIABLES)
            raise UsageError(f"unknown environment variable {variable}", hint=choices(variable, known))
        place = f"environment variable {variable}"
        found[variables[variable]] = parse(variables[variable], text, place)
    _refuse_calibration_code(found, "environment variable EDGEPACK_CALIBRATION")
    return cast(Settings, found)


def _from_project(folder: Path) -> Settings:
    for place in (folder, *folder.parents):
        own = place / "edgepack.toml"
        shared = place / "pyproject.toml"
        tables = {}
        if own.is_file():
            tables[str(own)] = _read_toml(own)
        if shared.is_file() and (table := _tool_table(shared)) is not None:
            tables[f"{shared} [tool.edgepack]"] = table
        if len(tables) > 1:
            raise UsageError(f"both {own} and {shared} configure edgepack", hint="keep one of the two")
        for where, table in tables.items():
            return _project_settings(table, where, place)
    return Settings()


def _project_settings(table: Mapping[str, object], where: str, folder: Path) -> Settings:
    for name in table:
        _refuse_command_line_only(name, where)
    settings = dict(check(table, where))
    _refuse_calibration_code(settings, where)
    for name in PATHS:
        # Paths in a file mean the same from wherever the command is run.
        value = settings.get(name)
        if name == "calibration" and value == "golden":
            continue
        if isinstance(value, list):
            settings[name] = [folder / str(item) for item in value]
        elif value is not None:
            settings[name] = folder / str(value)
    return cast(Settings, settings)


def _refuse_command_line_only(name: str, where: str) -> None:
    if name in _COMMAND_LINE_ONLY:
        raise UsageError(f"{where}: {name} can only be given on the command line", hint=f"use --{name}")


def _refuse_calibration_code(settings: Mapping[str, object], where: str) -> None:
    if split_target(str(settings.get("calibration", ""))):
        raise UsageError(
            f"{where}: calibration by Python code can only be given on the command line",
            hint="use --calibration",
        )


def _tool_table(path: Path) -> Mapping[str, object] | None:
    tool = _read_toml(path).get("tool")
    table = tool.get("edgepack") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.edgepack must be a table, not {table!r}")
    return table


def _read_toml(path: Path) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
