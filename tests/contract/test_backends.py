"""What every installed backend owes the pipeline, whichever it is."""

from pathlib import Path

import pytest

from edgepack.config import build_options
from edgepack.model import ModelSpec, TensorSpec
from edgepack.precision import PRECISIONS
from edgepack.runners.base import Subject
from edgepack.runners.host import HostRunner
from edgepack.sources.base import ModelInfo
from edgepack.targets import TARGETS
from edgepack.workers import JobFailed, Workers

SPEC = ModelSpec((TensorSpec("x", "float32", (1, 4)),), (TensorSpec("y", "float32", (1, 4)),))
OPTIONS = build_options("model.onnx", {})


def routes(backend, framework, precision):
    return backend.routes(precision, ModelInfo(framework, SPEC, "digest"), OPTIONS)


def test_says_what_it_is(backend):
    assert backend.suffix.startswith(".")
    assert backend.frameworks
    assert set(backend.frameworks) <= {"torch", "onnx"}
    assert any(character.isdigit() for character in backend.runtime()), "a runtime is named with its release"


def test_every_extra_it_names_exists(backend):
    from importlib.metadata import metadata

    assert backend.extra in metadata("edgepack").get_all("Provides-Extra")


def test_some_target_wants_it_and_it_has_a_route_to_what_they_want(backend):
    wanted = {name for target in TARGETS.values() for name in target.formats.get(backend.name, ())}
    assert wanted
    for precision in wanted:
        for framework in backend.frameworks:
            assert routes(backend, framework, precision), f"no route to {precision} from {framework}"


def test_routes_have_names_of_their_own_that_can_name_folders(backend):
    for precision in PRECISIONS:
        for framework in backend.frameworks:
            names = [route.name for route in routes(backend, framework, precision)]
            assert len(names) == len(set(names))
            assert all(name == Path(name).name and name.strip() for name in names)


def test_unknown_precision_has_no_route(backend):
    assert list(routes(backend, backend.frameworks[0], "float8")) == []


@pytest.mark.parametrize(
    "content", [b"", b"not a model", bytes(range(256)) * 64], ids=["empty", "text", "noise"]
)
def test_a_file_that_is_not_its_format_is_a_failed_job_with_a_reason(backend, content, tmp_path):
    path = tmp_path / f"bad{backend.suffix}"
    path.write_bytes(content)
    subject = Subject(f"{backend.name}/float32", backend.name, path, (), ())
    with Workers(tmp_path / "logs") as workers:
        workers.start(*backend.run_modules)
        with pytest.raises(JobFailed) as caught:
            HostRunner(workers).run(subject, SPEC, {})
    assert caught.value.reason
