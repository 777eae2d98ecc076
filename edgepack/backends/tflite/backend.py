"""The format .tflite: which routes lead to it, and LiteRT to run it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.backends.base import Route
from edgepack.backends.tflite.quantised import QuantisedRoute
from edgepack.backends.tflite.recipes import RECIPES
from edgepack.backends.tflite.routes import (
    DIRECT_MODULES,
    RUN_MODULES,
    TensorFlowRoute,
    exporters,
    quick_routes,
)
from edgepack.options import BuildOptions
from edgepack.precision import BASE
from edgepack.sources.base import ModelInfo

if TYPE_CHECKING:
    from edgepack.compare import Array


class TFLiteBackend:
    """Makes .tflite files by way of ONNX and runs them with LiteRT; see `Backend`."""

    name = "tflite"
    suffix = ".tflite"
    frameworks: tuple[str, ...] = ("torch", "onnx")
    extra = "tflite"
    make_modules: tuple[str, ...] = DIRECT_MODULES
    run_modules: tuple[str, ...] = RUN_MODULES

    def routes(self, precision: str, info: ModelInfo, options: BuildOptions) -> Sequence[Route]:  # noqa: ARG002  the protocol's
        """The quick converter on each exporter's graph, as it is and prepared; then the slow one."""
        if precision != BASE:
            return [QuantisedRoute(recipe) for recipe in RECIPES if recipe.precision == precision]
        ways = exporters(info.framework)
        quick = [route for exporter in ways for route in quick_routes(exporter)]
        return (*quick, TensorFlowRoute(ways))

    def execute(self, path: Path, feeds: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """Run the file once per feed, on one thread; see `Backend.execute`.

        One interpreter serves all feeds, as in an app: what a run leaves behind for the next one shows.

        Raises:
            ValueError: It is not a TensorFlow Lite file.
            Exception: Whatever LiteRT raises on a file it refuses.
        """
        from edgepack.backends.tflite.interpreter import open_file

        interpreter = open_file(path)
        return [interpreter.run(feed) for feed in feeds]

    def runtime(self) -> str:
        """Name and release of LiteRT."""
        return f"ai-edge-litert {version('ai-edge-litert')}"
