"""What is done to a finished .tflite file: layout changes and operators that the converter left for nothing.

onnx2tf's flatbuffer writer turns channels-first graphs into channels-last ones by a long list of patterns,
and leaves a TRANSPOSE before and behind whatever no pattern knows. `transposes` finds the layout of every
operator with which the fewest remain; `fusing` joins operators that the runtime computes in one; before both,
`simpler` says operators in others that kernels and quantisers know more of, and `reshapes` lets operators
compute in the shape that their values have anyway. All keep what the file computes, up to rounding.
"""

from __future__ import annotations

from pathlib import Path


def finish(file: Path) -> None:
    """Take needless operators out of a float32 file, in place; a file without any is not touched.

    Args:
        file: The .tflite file.
    """
    from edgepack.backends.tflite.finish.fusing import fuse
    from edgepack.backends.tflite.finish.model import FlatModel
    from edgepack.backends.tflite.finish.reshapes import tidy_reshapes
    from edgepack.backends.tflite.finish.simpler import simplify
    from edgepack.backends.tflite.finish.transposes import remove_transposes

    model = FlatModel.read(file)
    changed = [simplify(model), tidy_reshapes(model), remove_transposes(model), fuse(model)]
    if any(changed):
        model.write(file)
