"""Pictures of the app's screens for the documents: half as large, and in few colours."""

from __future__ import annotations

from pathlib import Path

_SHOWN = ("digit", "digit-dark", "self-test", "self-test-dark")
_COLOURS = 256


def write_pictures(screens: Path, folder: Path) -> None:
    """Write the screens that the documents show as android-NAME.png."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for name in _SHOWN:
        with Image.open(screens / f"{name}.png") as screen:
            small = screen.convert("RGB").resize(
                (screen.width // 2, screen.height // 2), Image.Resampling.LANCZOS
            )
            # The default method drops colours that few pixels have, such as a mark's.
            few = small.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
            few.save(folder / f"android-{name}.png", optimize=True)
