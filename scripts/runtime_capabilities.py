"""Asks installed runtimes what they can load, and writes their answers to edgepack/runners/capabilities.

No list of anyone's is copied: a file is made that needs something, and the runtime loads or refuses it.
Needs PyTorch, which names the operators to ask for, and the runtimes: `edgepack runtime add` them first.

    python scripts/runtime_capabilities.py [RUNTIME...]
"""

from __future__ import annotations

import json
import pickle
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from edgepack.runners.arm64 import Guests
from edgepack.runners.cpus import find_cpu
from edgepack.runners.guest import Guest, Task
from edgepack.runners.runtime_store import InstalledRuntime, RuntimeStore
from edgepack.runners.static_gate import FOLDER
from edgepack.workers import JobFailed

_SELF_TEST = FOLDER.parent / "selftest_files"
_CHUNK = 60  # operators a file: the names of all must fit into one reason


def ask_lite_interpreter(guest: Guest, folder: Path) -> dict[str, object]:
    """Find the operators and the bytecode versions that a release of PyTorch Mobile loads."""
    names = sorted({f"{one.name}.{one.overload_name}".rstrip(".") for one in torch._C._jit_get_all_schemas()})
    operators = []
    for start in range(0, len(names), _CHUNK):
        operators += loadable(guest, folder, names[start : start + _CHUNK])
    versions = [
        n
        for n in range(1, 13)
        if "version" not in refusal(guest, write_ptl(folder / "v.ptl", ["aten::neg"], n))
    ]
    return {"bytecode": [min(versions), max(versions)], "operators": operators}


def loadable(guest: Guest, folder: Path, names: list[str]) -> list[str]:
    """Those operators that the runtime loads. Some releases name only the first one that they lack."""
    while names and (reason := refusal(guest, write_ptl(folder / "asked.ptl", names))):
        missing = set(re.findall(r"[A-Za-z_]\w*::[\w.]+", reason)) & set(names)
        if not missing and len(names) > 1:  # one of them brings the loader down: find it
            half = len(names) // 2
            return loadable(guest, folder, names[:half]) + loadable(guest, folder, names[half:])
        if not missing:
            print("cannot be loaded:", *names, reason, flush=True)
            return []
        names = [name for name in names if name not in missing]
    return names


def write_ptl(path: Path, operators: list[str], version: int = 8) -> Path:
    """Change what a small file says that it needs."""
    with zipfile.ZipFile(_SELF_TEST / "missing_operator.ptl") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("/bytecode.pkl"):
                _, (function, code, *schema) = pickle.loads(data)
                wanted = tuple(tuple([*operator.split(".", 1), ""][:2]) for operator in operators)
                code = tuple(
                    ("operators", wanted) if key == "operators" else (key, part) for key, part in code
                )
                data = pickle.dumps((version, (function, code, *schema)), protocol=2)
            target.writestr(name, data)
    return path


def ask_tflite(guest: Guest, folder: Path) -> dict[str, object]:
    """Find the builtin operators that a release of TensorFlow Lite has, and the newest version of each."""
    operators = {}
    for name, number in builtin_operators():
        version = 0
        while not refusal(guest, write_tflite(folder / "v.tflite", number, version + 1)):
            version += 1
            assert version < 50, name
        if version:
            operators[name] = version
    return {"operators": operators}


def builtin_operators() -> Iterator[tuple[str, int]]:
    """Names and numbers of the operators that the .tflite schema knows."""
    from ai_edge_litert import schema_py_generated as schema

    for name, number in vars(schema.BuiltinOperator).items():
        if isinstance(number, int) and name not in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"):
            yield name, number


def write_tflite(path: Path, number: int, version: int) -> Path:
    """Name an operator that nothing uses: it is looked for all the same."""
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import Builder

    model = schema.ModelT.InitFromPackedBuf((_SELF_TEST / "float32.tflite").read_bytes(), 0)
    asked = schema.OperatorCodeT()
    asked.builtinCode, asked.version = number, version
    asked.deprecatedBuiltinCode = min(number, 127)
    model.operatorCodes.append(asked)
    builder = Builder(1 << 14)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def refusal(guest: Guest, path: Path) -> str:
    """The reason why the runtime does not load a file; empty when it does."""
    try:
        guest.run(Task(path, []))
    except JobFailed as error:
        return error.reason
    return ""


def ask(runtime: InstalledRuntime, store: RuntimeStore) -> dict[str, Any]:
    """Ask one runtime, and give what its file of capabilities holds."""
    asking = {"torch_lite": ask_lite_interpreter, "tflite": ask_tflite}[runtime.release.format]
    with tempfile.TemporaryDirectory() as folder, Guests(store, Path(folder) / "guests") as guests:
        found = asking(guests.start(runtime, find_cpu("cortex-a53")), Path(folder))
    return {"runtime": runtime.release.id, "format": runtime.release.format, **found}


def main() -> None:
    """Ask the runtimes that are named, or all that are installed."""
    store = RuntimeStore()
    FOLDER.mkdir(exist_ok=True)
    for runtime in store.installed():
        if not sys.argv[1:] or runtime.release.id in sys.argv[1:]:
            answer = ask(runtime, store)
            (FOLDER / f"{runtime.release.slug}.json").write_text(json.dumps(answer, indent=0) + "\n")
            print(runtime.release.id, len(answer["operators"]), answer.get("bytecode"))


if __name__ == "__main__":
    main()
