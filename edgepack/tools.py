"""Which packages had a hand in a bundle, and at which version: told without importing any of them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BUILD_TOOLS = (
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
    "onnx",
    "onnx2tf",
    "onnxruntime",
    "onnxscript",
    "pillow",
    "tensorflow",
    "torch",
    "torchvision",
)
"""Packages whose release can change what a build makes."""


def installed(packages: Iterable[str] = BUILD_TOOLS) -> dict[str, str]:
    """Give the versions of those packages that are installed, and Python's own."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def own_digest() -> str:
    """Sha256 over edgepack's own code: a change of ours may change what we make, release or not."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".toml", ".json"}:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
