"""Whole modules that torch.save pickled: loading one runs whatever code the file asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.errors import SourceError, ToolError
from edgepack.sources.python import declared_inputs, importable
from edgepack.sources.texts import evidence, listing, summarise
from edgepack.sources.torch_file import TRUST_HINT, damaged, refuse_code

if TYPE_CHECKING:
    from torch import nn

    from edgepack.model import InputSpec

_WHOLE_HINT = f"{TRUST_HINT}; a TorchScript file (torch.jit.save) or a state dict with --arch needs no trust"
ARCH_HINT = "name the module they belong to with --arch package.module:attr or --arch file.py:attr"


def load_plain(path: Path, hint: str = _WHOLE_HINT) -> Any:
    """Load what torch.save wrote, if it is tensors in plain containers.

    Args:
        path: The file.
        hint: What to do when there is more in it.

    Raises:
        SourceError: It is damaged, or loading it would run code.
    """
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        names = _foreign_names(path)
        what = f"pickled Python objects ({listing(names)})" if names else "pickled Python objects"
        raise refuse_code(path, what, hint) from error
    except Exception as error:
        raise damaged(path, summarise(error)) from error


def load_module(path: Path, *, trust: bool) -> tuple[nn.Module, tuple[InputSpec, ...]]:
    """Unpickle a whole module, if the user trusts the file.

    Returns:
        The module, and the inputs that it declares as `edgepack_inputs`.

    Raises:
        SourceError: There is no trust, it is a state dict, or it cannot be loaded.
        ToolError: Its classes come from a package that is not installed.
    """
    import torch
    from torch import nn

    found = _unpickle(path) if trust else load_plain(path)
    if isinstance(found, nn.Module):
        return found, declared_inputs(found, found, str(path))
    if isinstance(found, dict) and any(isinstance(one, torch.Tensor | dict) for one in found.values()):
        raise SourceError(f"{path} holds weights without the module that uses them (a state dict)", ARCH_HINT)
    raise SourceError(f"{path} holds a {type(found).__name__}, not a model", hint="save the model itself")


def _unpickle(path: Path) -> Any:
    import torch

    with importable(Path.cwd()):
        try:
            return torch.load(path, map_location="cpu", weights_only=False)
        except ModuleNotFoundError as error:
            raise ToolError(
                f"{path} needs the Python module {error.name!r}, which is not there",
                hint="run edgepack in the folder that has it, or install its package",
                details=evidence(error),
            ) from error
        except Exception as error:
            raise SourceError(
                f"unpickling {path} failed: {summarise(error)}", details=evidence(error)
            ) from error


def _foreign_names(path: Path) -> list[str]:
    """Name the classes and functions that unpickling would call, as far as the file shows them."""
    import torch

    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001  the names only help a message along, and the older format gives none
        return []
