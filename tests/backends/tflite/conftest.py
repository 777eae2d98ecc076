from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.backends.base import Candidate, RouteContext
from edgepack.backends.tflite import backend
from edgepack.config import build_options
from edgepack.events import ignore
from edgepack.options import GoldenOptions
from edgepack.prove import Attempt, Prover
from edgepack.reference import load_reference
from edgepack.runners.host import HostRunner
from edgepack.sources import find_kind
from edgepack.sources.base import SourceRequest
from edgepack.workers import Limits, Workers

MODELS = Path(__file__).parents[2] / "helpers" / "tflite_models.py"


@pytest.fixture(scope="session")
def workers(tmp_path_factory):
    """Workers that import their libraries once for all tests."""
    with Workers(tmp_path_factory.mktemp("workers") / "logs", Limits(seconds=300)) as pool:
        pool.start(*backend.make_modules)
        pool.start(*backend.run_modules)
        yield pool


@pytest.fixture(scope="session")
def load(workers, tmp_path_factory) -> Callable[..., RouteContext]:
    """Load a model, by its name in tflite_models.py or by its path, and give what a route needs."""

    def run(source: str, *inputs, pool=workers) -> RouteContext:
        within = tmp_path_factory.mktemp("build")
        text = source if "." in source else f"{MODELS}:{source}"
        worker = pool.start(*find_kind(text).modules).branch(
            load_reference, SourceRequest(text, inputs), within, GoldenOptions(), name="load"
        )
        info, golden = worker.answer
        folder, shared = within / "make", within / "shared"
        for path in (folder, shared):
            path.mkdir()
        return RouteContext(worker, info, golden, pool, folder, shared, build_options(text, {}), {})

    return run


@pytest.fixture(scope="session")
def make(load) -> Callable[..., Candidate]:
    """Take one route."""

    def run(source: str | RouteContext, route: str = "direct_torchscript") -> Candidate:
        context = load(source) if isinstance(source, str) else source
        routes = {one.name: one for one in backend.routes("float32", context.info, context.options)}
        folder = context.folder / route
        folder.mkdir()
        return routes[route].make(replace(context, folder=folder))

    return run


@pytest.fixture(scope="session")
def prove(load) -> Callable[..., Attempt]:
    """Try all routes as a build does, and judge what they make."""

    def run(source: str, *inputs) -> Attempt:
        context = load(source, *inputs)
        return Prover(backend, context, [HostRunner(context.workers)], ignore).prove("float32")

    return run
