"""Where settings come from, and in which order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from edgepack.errors import UsageError
from edgepack.settings import KINDS, PATHS, Settings, check, parse
from edgepack.sources.paths import split_target
from edgepack.suggest import choices

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
