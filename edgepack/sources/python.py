"""Models made by Python code: `package.module:attr` and `file.py:attr`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from edgepack.errors import EdgepackError, SourceError, ToolError, UsageError
from edgepack.input_syntax import parse_input
from edgepack.sources.base import LoadedModel, SourceRequest
from edgepack.sources.paths import KINDS_HINT, require_file, split_target
from edgepack.sources.texts import evidence, summarise
from edgepack.suggest import did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from edgepack.model import InputSpec

SEED = 0
"""Random generators start from this before a model is made: one with random weights is always the same."""


class PythonSource:
    """An `nn.Module`, or a callable without arguments that returns one."""

    name = "python"
    framework = "torch"
    modules: tuple[str, ...] = ("torch", "numpy")

    def recognises(self, text: str) -> bool:
        """Whether the text has the form of a target; see `SourceKind`."""
        return split_target(text) is not None

    def fingerprint(self, request: SourceRequest) -> None:
        """Give None: what Python code makes is known only once it has run."""

    def load(self, request: SourceRequest) -> LoadedModel:
        """Import the module and make the model; see `SourceKind`."""
        from edgepack.sources.torch_model import TorchModel

        module, declared = make_module(request.text)
        return TorchModel.prepare(module, request.inputs, declared)


KIND = PythonSource()


def make_module(text: str) -> tuple[nn.Module, tuple[InputSpec, ...]]:
    """Import what a target names and, if it is not a module yet, call it.

    Args:
        text: "package.module:attr" or "file.py:attr".

    Returns:
        The module, and the inputs that it or its factory declares as `edgepack_inputs`.

    Raises:
        SourceError: The target is malformed, not there, fails, or makes something else.
        ToolError: It imports a package that is not installed.
    """
    with imported(text) as found:
        module = _call(found, text)
    return module, declared_inputs(module, found, text)


@contextmanager
def imported(text: str) -> Iterator[Any]:
    """Import what a target names, with random generators freshly seeded.

    Args:
        text: "package.module:attr" or "file.py:attr".

    Yields:
        The attribute; the modules beside it can be imported meanwhile.

    Raises:
        SourceError: The target is malformed, not there, or its import fails.
        ToolError: It imports a package that is not installed.
    """
    target = split_target(text)
    if target is None:
        raise SourceError(f"{text!r} is not of the form package.module:attr or file.py:attr", hint=KINDS_HINT)
    _seed()
    file = require_file(target[0]) if target[0].endswith(".py") else None
    with importable(file.resolve().parent if file else Path.cwd()):
        yield _attribute(_import(target[0], file), text, target[1])


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let a folder's modules be imported, first of all as for a script; afterwards last of all.

    Lazy imports of the model still find its folder then, and our own imports do not.
    """
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        # The imported code may have changed the path itself.
        sys.path[:] = [one for one in sys.path if one != entry] + [entry]


class _FreshLoader(SourceFileLoader):
    """Compiles a file's present text: a cached compilation is told from it by whole seconds and size only."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  the base class passes it
        return self.source_to_code(self.get_data(self.path), self.path)


def _import(name: str, file: Path | None) -> ModuleType:
    try:
        return importlib.import_module(name) if file is None else _run_file(file)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise SourceError(f"there is no module {missing!r} to import", _near_modules(missing)) from error
        raise _missing_package(name, error) from error
    except (Exception, SystemExit) as error:
        relative = "attempted relative import" in str(error)
        hint = "name it as package.module:attr from the folder above the package" if relative else ""
        raise SourceError(f"importing {name} failed: {summarise(error)}", hint, evidence(error)) from error


def _missing_package(name: str, error: ModuleNotFoundError) -> ToolError:
    from edgepack.toolchain.packages import missing_tool

    package = (error.name or "").partition(".")[0]
    return missing_tool(package) or ToolError(
        f"{name} imports {error.name!r}, which is not installed",
        hint=f"install it beside edgepack, for example: pip install {package}",
        details=evidence(error),
    )


def _run_file(file: Path) -> ModuleType:
    # Another module of that name may be in use already, torch for a torch.py, and must stay.
    name = file.stem if file.stem not in sys.modules else f"{file.stem}_of_source"
    spec = ModuleSpec(name, _FreshLoader(name, str(file.resolve())), origin=str(file.resolve()))
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


def _attribute(python: ModuleType, text: str, attr: str) -> Any:
    found: Any = python
    for part in attr.split("."):
        if not hasattr(found, part):
            public = [name for name in dir(found) if not name.startswith("_")]
            owner = text.removesuffix(f":{attr}")
            raise SourceError(f"{owner} has no {part!r}", hint=did_you_mean(part, public))
        found = getattr(found, part)
    return found


def _call(found: Any, text: str) -> nn.Module:
    from torch import nn

    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise SourceError(
            f"{text} is of type {type(found).__name__}, not an nn.Module or a callable", KINDS_HINT
        )
    _refuse_arguments(found, text)
    try:
        made = found()
    except EdgepackError:
        raise
    except ModuleNotFoundError as error:
        raise _missing_package(text, error) from error
    except (Exception, SystemExit) as error:
        raise SourceError(f"calling {text} failed: {summarise(error)}", details=evidence(error)) from error
    if not isinstance(made, nn.Module):
        raise SourceError(f"{text}() gives a {type(made).__name__}, not an nn.Module", KINDS_HINT)
    return made


def _refuse_arguments(found: Any, text: str) -> None:
    try:
        signature = inspect.signature(found)
    except ValueError:  # some built-in callables have none
        return
    try:
        signature.bind()
    except TypeError as error:
        raise SourceError(
            f"{text} cannot be called without arguments: {error}",
            hint="write a function in a file.py that takes none and returns the model, and name that",
        ) from error


def declared_inputs(module: nn.Module, factory: Any, text: str) -> tuple[InputSpec, ...]:
    """Give the inputs that a module or its factory declares as `edgepack_inputs`, in the syntax of `--input`.

    Raises:
        SourceError: What it declares does not follow the syntax.
    """
    declared = getattr(module, "edgepack_inputs", None) or getattr(factory, "edgepack_inputs", ())
    if not isinstance(declared, list | tuple) or not all(isinstance(one, str) for one in declared):
        raise SourceError(
            f"edgepack_inputs of {text} is not a tuple of texts",
            hint='for example edgepack_inputs = ("image:float32[1,3,224,224]",)',
        )
    try:
        return tuple(parse_input(one) for one in declared)
    except UsageError as error:
        raise SourceError(f"edgepack_inputs of {text}: {error.message}", error.hint) from error


def _near_modules(missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    folders = list(getattr(importlib.import_module(parent), "__path__", ())) if parent else None
    names = [one.name for one in pkgutil.iter_modules(folders)]
    near = did_you_mean(last, names)
    if near and parent:
        return near.replace("did you mean ", f"did you mean {parent}.")
    return near or "the current folder and the installed packages were searched"


def _seed() -> None:
    import numpy as np
    import torch

    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
