"""Golden cases that start from pictures, so that a device can be checked from the pixels on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.bundle.manifest import FileRef
from edgepack.errors import SourceError, VerificationFailed
from edgepack.golden import GoldenSet
from edgepack.golden_inputs import read_arrays
from edgepack.model import InputSpec
from edgepack.processing.binding import contract_of_only_input
from edgepack.processing.pictures import SUFFIXES, is_picture, list_pictures, read_picture, to_png
from edgepack.processing.steps import Preprocess

if TYPE_CHECKING:
    from edgepack.compare import Array


def read_user_cases(
    files: Sequence[Path], inputs: Sequence[InputSpec], contracts: Sequence[Preprocess]
) -> tuple[list[dict[str, Array]], list[dict[str, bytes]]]:
    """Read the user's own cases: arrays, pictures, and folders of pictures.

    Args:
        files: An .npz or .npy or a picture each, or a folder that stands for all pictures in it.
        inputs: The model's.
        contracts: What turns pictures into inputs.

    Returns:
        Per case the inputs by name, and the pictures that they were made from, as PNG, by input name.

    Raises:
        SourceError: A file cannot be read, does not fit the model, or is a picture without a contract.
        ToolError: Pillow, which pictures need, is not installed.
    """
    feeds: list[dict[str, Array]] = []
    pictures: list[dict[str, bytes]] = []
    for path in _each_file(files):
        if is_picture(path):
            feed, picture = _read_picture_case(path, inputs, contracts)
        else:
            feed, picture = read_arrays(path, [one.tensor for one in inputs]), {}
        feeds.append(feed)
        pictures.append(picture)
    return feeds, pictures


def write_pictures(root: Path, folder: str, pictures: Mapping[str, bytes]) -> dict[str, FileRef]:
    """Write a case's pictures below a root, and describe them by input name."""
    files = {}
    for index, (name, data) in enumerate(pictures.items()):
        path = f"{folder}/{index}.png"
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        files[name] = FileRef(path, hashlib.sha256(data).hexdigest(), len(data))
    return files


def check_pictures(golden: GoldenSet) -> None:
    """Job: make sure that the contract turns every case's picture into the case's input, bit by bit.

    Raises:
        VerificationFailed: It does not; the message names case and input.
        SourceError: A picture cannot be read.
        ToolError: Pillow is not installed.
    """
    import numpy as np

    from edgepack.golden_files import load_case
    from edgepack.processing.arithmetic import preprocess

    specs = {spec.name: spec for spec in golden.model.inputs}
    contracts = {contract.input: contract for contract in golden.preprocess}
    for index, case in enumerate(golden.cases):
        for name, file in case.raw.items():
            expected = load_case(golden, index)[0][name]
            got = preprocess(contracts[name], read_picture(golden.root / file.path), specs[name])
            if not np.array_equal(got, expected):
                error = np.abs(got.astype(np.float64) - expected.astype(np.float64)).max()
                raise VerificationFailed(
                    f"golden case {index}: the preprocessing turns {file.path} into another {name!r} than "
                    f"the case holds, off by {error:.3g}",
                    hint="the bundle was altered, or made by an edgepack whose preprocessing was different",
                )


def _each_file(files: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        inside = list_pictures(path) if path.is_dir() else [path]
        if not inside:
            raise SourceError(f"{path} holds no pictures", hint=f"they end in {', '.join(SUFFIXES)}")
        found += inside
    return found


def _read_picture_case(
    path: Path, inputs: Sequence[InputSpec], contracts: Sequence[Preprocess]
) -> tuple[dict[str, Array], dict[str, bytes]]:
    from edgepack.processing.arithmetic import preprocess

    spec, contract = contract_of_only_input(contracts, [one.tensor for one in inputs])
    pixels = read_picture(path)
    return {spec.name: preprocess(contract, pixels, spec)}, {spec.name: to_png(pixels)}
