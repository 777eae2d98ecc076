"""Which file a source text names, and what to say when it names none that can be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from edgepack.errors import SourceError
from edgepack.sources.texts import listing
from edgepack.suggest import did_you_mean

SUFFIXES = {
    ".pt": "TorchScript",
    ".pt2": "exported program",
    ".pth": "state dict, with --arch",
    ".onnx": "ONNX",
}
"""The suffixes of model files and what they hold."""

KINDS_HINT = (
    "a model is package.module:attr, file.py:attr, or a file that ends in "
    + ", ".join(SUFFIXES)
    + "; attr is an nn.Module or a function without arguments that returns one"
)

_RESULTS = (".tflite", ".ptl")

_NAME = r"[^\W\d]\w*"
_TARGET = re.compile(rf"(?P<module>.+\.py|{_NAME}(?:\.{_NAME})*):(?P<attr>{_NAME}(?:\.{_NAME})*)")
_LFS_POINTER = b"version https://git-lfs"


def split_target(text: str) -> tuple[str, str] | None:
    """Split "package.module:attr" or "file.py:attr" in two, or give None for anything else."""
    match = _TARGET.fullmatch(text)
    return (match["module"], match["attr"]) if match else None


def has_suffix(text: str, *suffixes: str) -> bool:
    """Whether the text names a file with one of these suffixes; case does not matter."""
    return Path(text).suffix.lower() in suffixes


def require_file(text: str) -> Path:
    """Give the path of a file that exists and is not obviously a stand-in for another.

    Raises:
        SourceError: There is no such file, or it is a folder, cannot be read, is empty or a Git LFS pointer.
    """
    path = Path(text)
    if path.is_dir():
        raise _folder(path)
    if not path.exists():
        raise SourceError(f"no such file: {text}", hint=_near_files(path))
    try:
        with path.open("rb") as file:
            head = file.read(len(_LFS_POINTER))
    except OSError as error:
        raise SourceError(f"cannot read {text}: {error.strerror}", hint="check its permissions") from error
    if not head:
        raise SourceError(f"{text} is empty", hint="the copy or download that made it may have failed")
    if head == _LFS_POINTER:
        raise SourceError(f"{text} is a Git LFS pointer, not the model itself", hint="run: git lfs pull")
    return path


def unknown_source(text: str) -> SourceError:
    """Give the error for a text that no kind of source recognises."""
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".py" and path.exists():
        return SourceError(
            f"{text} names a Python file, but not the model in it", hint=_examples(text, _top_names(path))
        )
    if ":" in text:
        return SourceError(
            f"{text!r} is not of the form package.module:attr or file.py:attr", hint=KINDS_HINT
        )
    if path.is_file() or has_suffix(text, *_RESULTS):
        return _no_source(path)
    package, dot, attr = text.rpartition(".")
    if dot and split_target(f"{package}:{attr}"):
        return SourceError(f"no such file: {text}", hint=f"did you mean {package}:{attr}?")
    return SourceError(f"no such file: {text}", hint=_near_files(path) or KINDS_HINT)


def _no_source(path: Path) -> SourceError:
    if has_suffix(str(path), *_RESULTS):
        what = f"a {path.suffix.lower()} file is what edgepack makes, not a source"
    else:
        what = f"cannot read files of the kind {path.suffix or path.name!r}"
    return SourceError(f"{path}: {what}", hint=KINDS_HINT)


def _folder(path: Path) -> SourceError:
    if (path / "manifest.json").exists():
        hint = f"it looks like a bundle: edgepack verify {path}"
    else:
        inside = sorted(one.name for one in path.iterdir() if one.suffix in (*SUFFIXES, ".py"))
        hint = f"name a file in it: {listing(inside)}" if inside else KINDS_HINT
    return SourceError(f"{path} is a folder, not a model", hint=hint)


def _near_files(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    names = {str(path.parent / one.name) for one in path.parent.iterdir() if one.suffix in (*SUFFIXES, ".py")}
    return did_you_mean(str(path), names)


def _examples(text: str, names: Iterable[str]) -> str:
    targets = [f"{text}:{name}" for name in names]
    return f"for example {listing(targets)}" if targets else f"add its name: {text}:name"


def _top_names(path: Path) -> list[str]:
    """Names of a Python file's public functions and classes, found without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return []
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [name for name in found if not name.startswith("_")]
