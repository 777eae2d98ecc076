"""Programs that torch.export.save wrote, `.pt2`."""

from __future__ import annotations

import ast
import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.errors import SourceError
from edgepack.files import sha256_of
from edgepack.sources.base import LoadedModel, SourceRequest
from edgepack.sources.input_choice import fill_file_inputs
from edgepack.sources.paths import has_suffix
from edgepack.sources.texts import evidence, listing, summarise
from edgepack.sources.torch_file import TRUST_HINT, Content, check_integrity, damaged, examine, refuse_code

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_FORCE_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"

# torch evaluates the text of a size, "Mul(Integer(2), Symbol('s0'))"; this is what sympy writes them with.
_EXPRESSION_NODES = (ast.Expression, ast.expr_context, ast.keyword, ast.Name, ast.Constant, ast.Tuple)
_OPERATION_NODES = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)
_OPERATOR_NODES = (ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_CLASS_NAME = re.compile(r"[A-Z]\w*")
_SYMBOL_NAME = re.compile(r"[\w.+-]+")


class ExportedSource:
    """A program with its own input names and shapes."""

    name = "exported"
    framework = "torch"
    modules: tuple[str, ...] = ("torch", "numpy")

    def recognises(self, text: str) -> bool:
        """Whether the text names a `.pt2` file; see `SourceKind`."""
        return has_suffix(text, ".pt2")

    def fingerprint(self, request: SourceRequest) -> str:
        """Sha256 of the file; see `SourceKind`."""
        return sha256_of(Path(request.text))

    def load(self, request: SourceRequest) -> LoadedModel:
        """Load the program; see `SourceKind`."""
        from edgepack.sources.exported_program import Program, file_inputs
        from edgepack.sources.torch_model import TorchModel

        path = Path(request.text)
        content = examine(path)
        if content is not Content.EXPORTED:
            suffix = ".pt" if content is Content.TORCHSCRIPT else ".pth"
            raise SourceError(f"{path} holds {content.value}", hint=f"give it the suffix {suffix}")
        check_integrity(path)
        program = _load(path, trust=request.trust)
        inputs = fill_file_inputs(str(path), file_inputs(program, path), request.inputs)
        return TorchModel.prepare(Program(program), inputs, file_digest=sha256_of(path))


KIND = ExportedSource()


def _load(path: Path, *, trust: bool) -> ExportedProgram:
    """Load a program, through no more of the doors that torch leaves open to code than it needs.

    It is no sandbox: torch turns a program into Python code to run it.
    """
    import pickle

    import torch

    if not trust:
        _refuse_hidden_code(path)
    try:
        with _unpickling(allowed=trust), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of the buffers that it reads itself
            return torch.export.load(path)
    except pickle.UnpicklingError as error:
        raise refuse_code(path, "pickled Python objects", TRUST_HINT) from error
    except Exception as error:
        raise SourceError(
            f"torch.export.load cannot read {path}: {summarise(error)}",
            hint=f"a file of a newer PyTorch than {torch.__version__} must be exported again; "
            "operators of other packages need a file.py that imports them",
            details=evidence(error),
        ) from error


@contextmanager
def _unpickling(*, allowed: bool) -> Iterator[None]:
    """Hold torch.export.load, which always unpickles, to plain tensors unless more is allowed."""
    before = os.environ.get(_FORCE_WEIGHTS_ONLY)
    os.environ[_FORCE_WEIGHTS_ONLY] = "0" if allowed else "1"
    try:
        yield
    finally:
        os.environ.pop(_FORCE_WEIGHTS_ONLY)
        if before is not None:
            os.environ[_FORCE_WEIGHTS_ONLY] = before


def _refuse_hidden_code(path: Path) -> None:
    """Refuse the other ways in which loading a program runs code: compiled libraries, texts of sizes."""
    with zipfile.ZipFile(path) as archive:
        compiled = [name for name in archive.namelist() if "/aotinductor/" in name]
        if compiled:
            raise refuse_code(path, f"a compiled library ({listing(compiled)})", TRUST_HINT)
        for name in archive.namelist():
            if not name.endswith(".json"):
                continue
            try:
                document = json.loads(archive.read(name))
            except ValueError as error:
                raise damaged(path, f"{name}: {error}") from error
            odd = [text for text in _expressions(document) if not _is_plain(text)]
            if odd:
                raise refuse_code(path, f"code where a size should be ({listing(odd)})", TRUST_HINT)


def _is_plain(expression: str) -> bool:
    """Whether a text does nothing but put together numbers, symbols and sympy's classes."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        return False
    return all(_is_plain_node(node) for node in nodes)


def _is_plain_node(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        # The built-in functions that sympy lets an expression call are all in lower case.
        return isinstance(node.func, ast.Name) and _CLASS_NAME.fullmatch(node.func.id) is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _SYMBOL_NAME.fullmatch(node.value) is not None
    return isinstance(node, _EXPRESSION_NODES + _OPERATION_NODES + _OPERATOR_NODES)


def _expressions(document: Any) -> Iterator[str]:
    """Give all texts in a program's JSON that torch would evaluate."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "expr_str" and isinstance(value, str):
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(document, list):
        for value in document:
            yield from _expressions(value)
