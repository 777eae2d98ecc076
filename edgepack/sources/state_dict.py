"""Weights that torch.save wrote, `.pth`, for a module that `--arch` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.errors import SourceError
from edgepack.sources.base import LoadedModel, SourceRequest
from edgepack.sources.paths import has_suffix
from edgepack.sources.pickled import load_module, load_plain
from edgepack.sources.python import make_module
from edgepack.sources.texts import listing
from edgepack.sources.torch_file import Content, check_integrity, examine
from edgepack.suggest import did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under which of these keys training scripts keep the weights in a checkpoint, most common first."""

_MIXED_HINT = "save the weights alone: torch.save(model.state_dict(), file)"
_PARALLEL = "module."  # what nn.DataParallel puts before every name


class StateDictSource:
    """Tensors by name."""

    name = "state_dict"
    framework = "torch"
    modules: tuple[str, ...] = ("torch", "numpy")

    def recognises(self, text: str) -> bool:
        """Whether the text names a `.pth` file; see `SourceKind`."""
        return has_suffix(text, ".pth")

    def fingerprint(self, request: SourceRequest) -> None:
        """Give None: Python code makes the module that the weights are for."""

    def load(self, request: SourceRequest) -> LoadedModel:
        """Make the module and give it the weights; see `SourceKind`."""
        from edgepack.sources.torch_model import TorchModel

        path = Path(request.text)
        content = examine(path)
        check_integrity(path)
        if content is not Content.PICKLE:
            suffix = ".pt" if content is Content.TORCHSCRIPT else ".pt2"
            raise SourceError(
                f"{path} holds {content.value}", hint=f"give it the suffix {suffix}, without --arch"
            )
        if request.arch is None:
            whole, declared = load_module(path, trust=request.trust)
            return TorchModel.prepare(whole, request.inputs, declared)
        weights = _weights(path, load_plain(path, _MIXED_HINT))
        module, declared = make_module(request.arch)
        _give_weights(module, weights, path, request.arch)
        return TorchModel.prepare(module, request.inputs, declared)


KIND = StateDictSource()


def _weights(path: Path, found: Any) -> dict[str, torch.Tensor]:
    """Find the weights in a checkpoint and give them without the prefix of parallel training."""
    for key in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise SourceError(
            f"{path} holds a {type(found).__name__}, not a state dict", hint="save model.state_dict()"
        )
    if all(name.startswith(_PARALLEL) for name in found):
        return {name.removeprefix(_PARALLEL): value for name, value in found.items()}
    return dict(found)


def _give_weights(module: nn.Module, weights: dict[str, torch.Tensor], path: Path, arch: str) -> None:
    """Load all weights into a module, all of which must fit.

    Raises:
        SourceError: A name or a shape does not; the details hold all of them.
    """
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        misfits = [line.strip() for line in str(error).splitlines()[1:]]
        raise SourceError(
            f"the weights in {path} do not fit {arch}: {misfits[0] if misfits else error}",
            hint="the file is for a module of another size: let --arch make the one it was saved from",
            details={"misfits": misfits},
        ) from error
    if not missing and not unexpected:
        return
    parts = []
    if missing:
        parts.append(f"missing in the file: {listing(missing)}")
    if unexpected:
        parts.append(f"unknown to the module: {listing(unexpected)}")
    near = did_you_mean(unexpected[0], missing) if missing and unexpected else ""
    raise SourceError(
        f"the weights in {path} do not fit {arch}: {'; '.join(parts)}",
        hint=f"{unexpected[0]}: {near}"
        if near
        else "let --arch make the module that the weights were saved from",
        details={"missing": list(missing), "unexpected": list(unexpected)},
    )
