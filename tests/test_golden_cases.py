"""Golden cases from a model to disk and back."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from edgepack.bundle.manifest import GoldenCase
from edgepack.errors import BundleError, SourceError
from edgepack.golden import GoldenSet
from edgepack.golden_cases import make_golden
from edgepack.golden_files import load_case, read_array, write_array
from edgepack.input_syntax import parse_input
from edgepack.model import DTYPES, ModelSpec, TensorSpec
from edgepack.options import GoldenOptions
from edgepack.sources.torch_model import TorchModel
from edgepack.workers import Limits, Workers


class Heads(nn.Module):
    """An input and an output share a name, and two outputs differ only in case."""

    def forward(self, image, ids):
        total = image.sum(1)
        return {"image": image * 2, "../Y": total, "../y": total + ids.sum()}


def heads():
    return TorchModel.prepare(Heads(), [parse_input("image:float32[2,3]"), parse_input("ids:int64[4]=0..9")])


def test_cases_are_written_and_read_back(tmp_path):
    model = heads()
    info, golden = make_golden(model, tmp_path, GoldenOptions(cases=2, seed=3))
    assert [str(one) for one in info.spec.inputs] == ["image:float32[2,3]", "ids:int64[4]"]
    assert [str(one) for one in info.spec.outputs] == [
        "image:float32[2,3]",
        "../Y:float32[2]",
        "../y:float32[2]",
    ]
    assert (info.framework, info.digest, info.warnings, golden.warnings) == ("torch", model.digest(), (), ())
    assert golden.model == info.spec
    files = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "golden/1").rglob("*.bin"))
    assert files == [
        "golden/1/inputs/ids.bin",
        "golden/1/inputs/image.bin",
        "golden/1/outputs/_Y.bin",
        "golden/1/outputs/_y-2.bin",
        "golden/1/outputs/image.bin",
    ]
    for index, case in enumerate(golden.cases):
        inputs, outputs = load_case(golden, index)
        again = model([inputs["image"], inputs["ids"]])
        assert {name: array.tolist() for name, array in again.items()} == {
            n: a.tolist() for n, a in outputs.items()
        }
        for ref in [*case.inputs.values(), *case.outputs.values()]:
            data = (tmp_path / ref.path).read_bytes()
            assert (ref.bytes, ref.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_users_own_cases_replace_the_seeded_ones(tmp_path):
    for index in range(2):
        np.savez(tmp_path / f"{index}.npz", image=np.full((2, 3), index, np.float32), ids=np.arange(4))
    options = GoldenOptions(cases=7, files=(tmp_path / "0.npz", tmp_path / "1.npz"))
    _, golden = make_golden(heads(), tmp_path / "out", options)
    assert [load_case(golden, index)[1]["../Y"].tolist() for index in range(2)] == [[0, 0], [3, 3]]
    assert len(golden.cases) == 2


def test_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    model = heads()
    first, again, other = (
        make_golden(model, tmp_path / str(at), GoldenOptions(seed=seed))[1].cases
        for at, seed in enumerate([1, 1, 2])
    )
    assert first == again
    assert first != other


class Stubborn(nn.Dropout):
    def train(self, mode=True):
        return super().train(True)


class Constant(nn.Module):
    def forward(self, x):
        return {"zero": x * 0, "ones": torch.ones(2)}


class Grows(nn.Module):
    def forward(self, x):
        return x[x > 0]


def features():
    torch.manual_seed(0)
    module = nn.Sequential()
    module.add_module("features", nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Sequential(Stubborn())))
    return module


@pytest.mark.parametrize(
    ("module", "message", "hint"),
    [
        (
            features(),
            "not deterministic: two runs on one input differ in output; "
            "it draws random numbers in features.2.0 (Stubborn, calls dropout)",
            "training=self.training",
        ),
        (
            Constant(),
            "any file would pass: output 'zero' is the same in all golden cases; output 'ones' is the same",
            "--allow-degenerate",
        ),
        (Grows(), "the outputs change with the input's values: output:float32[", "one fixed shape"),
    ],
)
def test_model_without_a_sound_reference_is_refused(tmp_path, module, message, hint):
    model = TorchModel.prepare(module, [parse_input("x:float32[2,8]")])
    with pytest.raises(SourceError) as caught:
        make_golden(model, tmp_path / "out", GoldenOptions())
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_a_range_that_nobody_gave_is_warned_of_unless_the_user_gives_the_cases(tmp_path):
    model = TorchModel.prepare(Heads(), [parse_input("image:float32[2,3]"), parse_input("ids:int64[4]")])
    _, golden = make_golden(model, tmp_path / "drawn", GoldenOptions())
    assert [warning.partition(";")[0] for warning in golden.warnings] == [
        "input 'ids' was tried with integers from 0 to 9 only"
    ]
    np.savez(
        tmp_path / "case.npz", image=np.eye(2, 3, dtype=np.float32) + np.float32([[1], [3]]), ids=np.arange(4)
    )
    _, golden = make_golden(model, tmp_path / "given", GoldenOptions(files=(tmp_path / "case.npz",)))
    assert not [warning for warning in golden.warnings if "integers" in warning]


class Seldom(nn.Module):
    """Leaves out its branch in one run of many, for the whole batch, as stochastic depth does."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        return x + x.cos() * torch.empty(1).bernoulli_(1 - self.probability)


def test_what_is_random_in_one_run_of_fifty_is_refused(tmp_path):
    torch.manual_seed(2)
    model = TorchModel.prepare(Seldom(0.02), [parse_input("x:float32[2,8]")])
    with pytest.raises(
        SourceError, match=r"it draws random numbers in the model \(Seldom, calls bernoulli_\)"
    ):
        make_golden(model, tmp_path / "out", GoldenOptions())
    assert not (tmp_path / "out").exists()


def test_randomness_that_never_shows_is_told(tmp_path):
    model = TorchModel.prepare(Seldom(1e-12), [parse_input("x:float32[2,8]")])
    _, golden = make_golden(model, tmp_path, GoldenOptions())
    assert golden.warnings == (
        "the model draws random numbers in the model (Seldom, calls bernoulli_); "
        "it gave the same output 300 times, and nothing says that it always will",
    )


class Counts(nn.Module):
    def __init__(self, most):
        super().__init__()
        self.most = most
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count.add_(1).clamp_(max=self.most)
        return x + self.count


@pytest.mark.parametrize(
    ("most", "how"), [(1e6, "two runs on one input"), (2, "its very first run and a later one")]
)
def test_what_is_kept_from_one_call_to_the_next_is_refused(tmp_path, most, how):
    model = TorchModel.prepare(Counts(most), [parse_input("x:float32[2,8]")])
    with pytest.raises(SourceError, match=f"not deterministic: {how}.* differ in output$") as caught:
        make_golden(model, tmp_path / "out", GoldenOptions())
    assert "nothing may be kept from one call to the next" in caught.value.hint


def test_constant_model_passes_when_allowed(tmp_path):
    model = TorchModel.prepare(Constant(), [parse_input("x:float32[2,8]")])
    _, golden = make_golden(model, tmp_path, GoldenOptions(allow_degenerate=True))
    assert len(golden.warnings) == 2


def test_job_runs_in_the_worker_that_holds_the_model(tmp_path):
    from edgepack.sources import load_model
    from edgepack.sources.base import SourceRequest

    model = tmp_path / "model.py"
    model.write_text("from torch import nn\ndef net(): return nn.Linear(4, 3)\n")
    with Workers(tmp_path / "logs", Limits(seconds=120)) as workers:
        request = SourceRequest(f"{model}:net", (parse_input("x:float32[2,4]"),))
        worker = workers.start("torch").branch(load_model, request, name="load")
        info, golden = worker.run(make_golden, tmp_path / "out", GoldenOptions(), name="golden")
    assert [str(one) for one in info.spec.outputs] == ["output:float32[2,3]"]
    assert load_case(golden, 2)[1]["output"].shape == (2, 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_arrays_survive_the_disk(tmp_path, dtype, shape):
    array = np.asarray(np.random.default_rng(0).integers(0, 2, shape)).astype(dtype)
    ref = write_array(tmp_path, "a/b.bin", array)
    back = read_array(tmp_path / ref.path, TensorSpec("a", dtype, shape))
    assert (back.dtype, back.shape, back.tolist()) == (array.dtype, shape, array.tolist())
    assert back.flags.writeable


def test_bytes_are_little_endian_and_in_c_order(tmp_path):
    array = np.array([[1, 2], [3, 4]], ">i2").T
    write_array(tmp_path, "a.bin", array)
    assert (tmp_path / "a.bin").read_bytes() == bytes([1, 0, 3, 0, 2, 0, 4, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the golden file {}: No such file"),
        (b"1234567", "the golden file {} has 7 bytes, a:float32[2] takes 8"),
        (b"123456789", "the golden file {} has 9 bytes, a:float32[2] takes 8"),
    ],
)
def test_file_that_does_not_hold_its_tensor_is_refused(tmp_path, content, message):
    path = tmp_path / "a.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        read_array(path, TensorSpec("a", "float32", (2,)))
    assert message.format(path) in caught.value.message
    assert caught.value.exit_code == 6


def test_case_without_a_file_for_every_tensor_is_refused(tmp_path):
    spec = ModelSpec((TensorSpec("a", "float32", (2,)),), ())
    golden = GoldenSet(tmp_path, spec, (GoldenCase({}, {}),))
    with pytest.raises(BundleError, match=r"a golden case has no file for a:float32\[2\]"):
        load_case(golden, 0)
