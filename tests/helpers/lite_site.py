"""What the tests of .ptl files share: load a model as a build does, and prove what routes make of it."""

from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp

from edgepack.backends.base import RouteContext
from edgepack.backends.torch_lite import backend
from edgepack.backends.torch_lite.routes import LiteRoute
from edgepack.bundle.manifest import TensorContract
from edgepack.calibration import open_calibration
from edgepack.config import build_options
from edgepack.events import ignore
from edgepack.precision import PRECISIONS
from edgepack.prove import Attempt, Prover
from edgepack.reference import load_reference
from edgepack.report.model import ArtifactResult
from edgepack.runners.base import Subject
from edgepack.runners.host import HostRunner
from edgepack.sources import find_kind
from edgepack.workers import Workers

MODELS = Path(__file__).with_name("lite_models.py")


@dataclass(frozen=True)
class Site:
    workers: Workers
    folder: Path

    @property
    def runner(self) -> HostRunner:
        return HostRunner(self.workers)

    def load(self, source: str, **settings) -> RouteContext:
        """Load a model, by its name in lite_models.py or as a user writes it."""
        text = source if "." in source else f"{MODELS}:{source}"
        # Some of the models use operators that Android's runtime has not; that gate has tests of its own.
        settings = {"target": "linux-arm64", **settings}
        options, folder = build_options(text, settings), Path(mkdtemp(dir=self.folder))
        worker = self.workers.start(*find_kind(text).modules).branch(
            load_reference, options.source, folder, options.golden, name="load"
        )
        info, golden = worker.answer
        samples = None
        if options.calibration.source:
            reader = self.workers.start(*find_kind(text).modules)
            samples = reader.run(open_calibration, options, info.spec, golden, name="calibration data")
        return RouteContext(worker, info, golden, self.workers, folder, folder, options, {}, samples)

    def prove(self, source: str, precision: str = "float32", **settings) -> Attempt:
        """Try all routes to a precision as a build does, and judge what they make."""
        if PRECISIONS[precision].calibrated:
            settings = {"calibration": "golden", **settings}
        return Prover(backend, self.load(source, **settings), [self.runner], ignore).prove(precision)

    def make(self, context: RouteContext, route: LiteRoute) -> Path:
        """Make the file of one route, in a folder of its own."""
        return route.make(replace(context, folder=Path(mkdtemp(dir=self.folder)))).path

    def check(self, context: RouteContext, path: Path, precision: str = "float32") -> ArtifactResult:
        """Judge a file that was made elsewhere against a loaded model."""
        spec = context.info.spec
        subject = Subject(
            f"torch_lite/{precision}", "torch_lite", path, same(spec.inputs), same(spec.outputs)
        )
        return self.runner.check(subject, context.golden, PRECISIONS[precision].tolerance)


def same(specs) -> tuple[TensorContract, ...]:
    """Contracts of a file that has the source's own tensors."""
    return tuple(
        TensorContract(spec.name, index, spec.dtype, spec.shape, tuple(range(len(spec.shape))))
        for index, spec in enumerate(specs)
    )


def bare_recipe(module, example, path: Path) -> None:
    """PyTorch Mobile as its tutorials have it."""
    import torch
    from torch.utils.mobile_optimizer import optimize_for_mobile

    optimize_for_mobile(torch.jit.trace(module.eval(), example))._save_for_lite_interpreter(str(path))


def model_in_this_process(name: str):
    """Make a model of lite_models.py, with the weights that it has in workers."""
    spec = spec_from_file_location("lite_models", MODELS)
    models = module_from_spec(spec)
    spec.loader.exec_module(models)
    return getattr(models, name)()


def snr(attempt):
    """Give the signal-to-noise ratio of each output, in decibels."""
    (result,) = attempt.results
    return [one.snr_db for one in result.comparisons]


def names(layers):
    return [layer.name for layer in layers]
