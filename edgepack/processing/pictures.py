"""Picture files: to the pixels that contracts start from, and to a form that every device decodes alike."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.errors import SourceError, ToolError

if TYPE_CHECKING:
    from edgepack.compare import Array
    from edgepack.model import TensorSpec
    from edgepack.processing.steps import Preprocess

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in SUFFIXES


def list_pictures(folder: Path) -> list[Path]:
    """Give the pictures in a folder and in the folders in it, sorted by path."""
    return sorted(path for path in folder.rglob("*") if is_picture(path) and path.is_file())


def read_picture(path: Path) -> Array:
    """Read a picture, turned upright as its EXIF orientation says.

    Returns:
        uint8[height, width, 3], red, green, blue.

    Raises:
        SourceError: It cannot be read, has transparent pixels, or is neither gray nor RGB with 8 bits: there
            devices differ.
        ToolError: Pillow is not installed.
    """
    _require_pillow()
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # A RuntimeWarning, of pictures so large that they may be an attack on memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                mode, transparent = image.mode, image.has_transparency_data
                upright = ImageOps.exif_transpose(image)
                pixels = np.array(upright.convert("RGBA" if transparent else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, RuntimeWarning) as error:
        raise SourceError(
            f"cannot read the picture {path}: {error}", hint="leave it out, or save it again"
        ) from error
    if mode not in _MODES:
        raise SourceError(
            f"{path} holds pixels of the kind {mode}", hint="save it as 8-bit RGB or gray, as PNG or JPEG"
        )
    if transparent and pixels[..., 3].min() < 255:
        raise SourceError(
            f"{path} has transparent pixels", hint="save it over the background that the app shows"
        )
    return np.ascontiguousarray(pixels[..., :3])


def picture_input(path: Path, contract: Preprocess, spec: TensorSpec) -> Array:
    """Read a picture and make an input of it.

    Args:
        path: The picture.
        contract: How; it was bound to the input.
        spec: The input.

    Raises:
        SourceError: It cannot be read, or is too small for a step; the message names it.
        ToolError: Pillow is not installed.
    """
    from edgepack.processing.arithmetic import preprocess

    try:
        return preprocess(contract, read_picture(path), spec)
    except SourceError as error:
        if str(path) in error.message:
            raise
        raise SourceError(f"{path}: {error.message}", error.hint) from error


def to_png(pixels: Array) -> bytes:
    """Encode pixels as 8-bit RGB PNG without colour profile or orientation, on which all decoders agree."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401  only whether it is there
    except ImportError as error:
        from edgepack.toolchain.packages import install_command

        raise ToolError(
            "reading pictures needs the package pillow", hint=install_command("images")
        ) from error
