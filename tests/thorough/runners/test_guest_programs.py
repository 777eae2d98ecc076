"""The real guests: Android's own libraries on emulated ARM64."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from edgepack.runners.cpus import CPUS, PROVABLE
from edgepack.runners.guest import Task
from edgepack.toolchain.compiler import find_compiler
from edgepack.toolchain.programs import QEMU, find
from edgepack.workers import JobFailed, Limits

PYTORCH = "org.pytorch:pytorch_android_lite:1.12.2"
TFLITE = "org.tensorflow:tensorflow-lite:2.16.1"
_SELF_TEST = Path(__file__).parents[3] / "edgepack/runners/selftest_files"
_IMAGE = np.random.default_rng(5).normal(size=(1, 8, 12, 12)).astype(np.float32)
_FILES = {PYTORCH: _SELF_TEST / "float32.ptl", TFLITE: _SELF_TEST / "float32.tflite"}


class Everything(nn.Module):
    """Two inputs; outputs of every dtype, nested, scalar, and not contiguous."""

    def forward(self, x: torch.Tensor, k: torch.Tensor):
        y = x.softmax(1)
        inner = [y > 0.3, y.to(torch.float16)]
        return (
            y.transpose(1, 2), k * 2, (inner, y.to(torch.float64)), k.to(torch.int32),
            k.to(torch.int16), k.to(torch.int8), k.to(torch.uint8), y.sum(),
        )  # fmt: skip


def _flatten(value):
    return (
        [value.numpy()]
        if isinstance(value, torch.Tensor)
        else [one for part in value for one in _flatten(part)]
    )


@pytest.mark.parametrize("runtime", [PYTORCH, "torch==1.12.1", "torch==2.1.0"])
def test_tensors_of_every_dtype_go_through_the_lite_interpreter(start, store, tmp_path, runtime):
    if runtime not in {one.release.id for one in store.installed()}:
        pytest.skip(f"edgepack runtime add {runtime}")
    torch.manual_seed(1)
    x, k = torch.randn(2, 3, 4), torch.randint(0, 50, (5, 1))
    torch.jit.script(Everything())._save_for_lite_interpreter(str(tmp_path / "everything.ptl"))
    expected = _flatten(Everything()(x, k))
    run = start(runtime).run(Task(tmp_path / "everything.ptl", [[x.numpy(), k.numpy()]] * 2, repetitions=2))
    assert len(run.outputs) == 2
    for outputs in run.outputs:
        assert [str(one.dtype) for one in outputs] == [str(one.dtype) for one in expected]
        for got, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-3 if got.dtype == np.float16 else 1e-6)


@pytest.mark.parametrize("runtime", [TFLITE, "ai-edge-litert==2.1.2"])
def test_several_inputs_and_outputs_go_through_tflite(start, store, tmp_path, runtime):
    if runtime not in {one.release.id for one in store.installed()}:
        pytest.skip(f"edgepack runtime add {runtime}")
    path = _make_tflite(tmp_path)
    a = np.random.default_rng(2).normal(size=(2, 3)).astype(np.float32)
    b = np.array([[7], [-9]], np.int32)
    outputs = start(runtime).run(Task(path, [[a, b]])).outputs[0]
    assert [str(one.dtype) for one in outputs] == ["float32", "int32", "bool"]
    for got, wanted in zip(outputs, [a + a, b * b, a > 0], strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("runtime", [PYTORCH, TFLITE])
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "load: "), (b"no model at all" * 100, "load: "), ("half", "load: ")],
    ids=["empty", "rubbish", "half"],
)
def test_a_damaged_artifact_is_refused_in_the_runtimes_own_words(start, tmp_path, runtime, content, reason):
    whole = _FILES[runtime].read_bytes()
    path = tmp_path / "model"
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    guest = start(runtime)
    with pytest.raises(JobFailed) as refused:
        guest.run(Task(path, [[_IMAGE]]))
    assert refused.value.reason.startswith((reason, "crashed: killed by SIG"))
    assert guest.run(Task(_FILES[runtime], [[_IMAGE]])).outputs[0][0].shape == (1, 10)


@pytest.mark.parametrize(
    ("runtime", "feed", "reason"),
    [
        (TFLITE, [_IMAGE, _IMAGE], "run: the file takes 1 inputs, not 2"),
        (TFLITE, [_IMAGE[0]], "input 0: the file takes another dtype or shape"),
        (TFLITE, [_IMAGE.astype(np.int8)], "input 0: the file takes another dtype or shape"),
        # The lite interpreter does not count its inputs; one too many ends in the middle of nowhere.
        (PYTORCH, [_IMAGE, _IMAGE], "crashed: killed by SIG"),
        (PYTORCH, [_IMAGE[:, :3]], "run: "),
    ],
)
def test_inputs_that_do_not_fit_are_refused(start, runtime, feed, reason):
    with pytest.raises(JobFailed) as refused:
        start(runtime).run(Task(_FILES[runtime], [feed]))
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize("runtime", [PYTORCH, TFLITE])
def test_the_processors_agree_bit_by_bit_in_float32(start, runtime):
    first, *others = (
        start(runtime, cpu).run(Task(_FILES[runtime], [[_IMAGE]])).outputs[0][0] for cpu in PROVABLE
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGSEGV, signal.SIGKILL], ids=lambda one: one.name)
def test_a_crash_costs_only_its_job(start, number):
    guest = start(TFLITE)
    endless = Task(_FILES[TFLITE], [[_IMAGE]], repetitions=1_000_000_000)
    threading.Thread(target=_strike, args=(guest.pid, number), daemon=True).start()
    with pytest.raises(JobFailed) as failed:
        guest.run(endless)
    assert failed.value.reason == f"crashed: killed by {number.name}"
    assert guest.run(Task(_FILES[TFLITE], [[_IMAGE]])).outputs[0][0].shape == (1, 10)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(seconds=3), "stopped: took longer than the time limit of 3 s"),
        (Limits(seconds=60, memory=4 << 20), "more than the memory limit of 4 MiB"),
    ],
)
def test_limits_hold_for_real_jobs(start, limits, reason):
    guest = start(TFLITE, limits=limits)
    with pytest.raises(JobFailed) as failed:
        guest.run(Task(_FILES[TFLITE], [[_IMAGE]], repetitions=1_000_000_000))
    assert reason in failed.value.reason
    assert _settles(lambda: not psutil.Process(guest.pid).children(recursive=True))


def test_killing_the_guest_ends_its_jobs(start):
    guest = start(TFLITE)
    jobs = []

    def kill():
        jobs.extend(_job_of(guest.pid))
        os.kill(guest.pid, signal.SIGKILL)

    threading.Timer(1.0, kill).start()
    with pytest.raises(JobFailed) as failed:
        guest.run(Task(_FILES[TFLITE], [[_IMAGE]], repetitions=1_000_000_000))
    assert failed.value.reason == "the guest crashed: killed by SIGKILL"
    assert jobs
    assert _settles(lambda: not any(one.is_running() and one.status() != "zombie" for one in jobs))


def test_jobs_run_side_by_side(start):
    guest = start(TFLITE)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(guest.run(Task(_FILES[TFLITE], [[_IMAGE]]))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len({run.outputs[0][0].tobytes() for run in results}) == 1


@pytest.mark.parametrize("name", PROVABLE)
def test_the_profile_says_what_the_emulated_processor_is(name, tmp_path):
    """MIDR_EL1 and the HWCAP bits, which the emulator answers, against what /proc/cpuinfo says."""
    source, program = tmp_path / "ask.c", tmp_path / "ask"
    source.write_text(
        "#include <stdio.h>\n#include <sys/auxv.h>\n"
        'int main(void) { unsigned long midr; __asm__("mrs %0, midr_el1" : "=r"(midr));\n'
        '  printf("%lx %lx", midr, getauxval(AT_HWCAP)); }\n'
    )
    find_compiler().compile(["-x", "c", "-static", source, "-o", program], "a question")
    asked = subprocess.run([find(QEMU), "-cpu", name, program], capture_output=True, text=True, check=True)
    midr, capabilities = (int(part, 16) for part in asked.stdout.split())
    cpu = CPUS[name]
    assert midr == cpu.implementer << 24 | cpu.variant << 20 | 0xF << 16 | cpu.part << 4 | cpu.revision
    assert {_HWCAP[bit] for bit in range(32) if capabilities >> bit & 1} == set(cpu.features.split())


# linux/arch/arm64/include/uapi/asm/hwcap.h, from bit 0
_HWCAP = dict(
    enumerate(
        (
            *(
                "fp",
                "asimd",
                "evtstrm",
                "aes",
                "pmull",
                "sha1",
                "sha2",
                "crc32",
                "atomics",
                "fphp",
                "asimdhp",
            ),
            *("cpuid", "asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4", "asimddp"),
        )
    )
)


def _make_tflite(folder):
    import onnx
    from onnx import TensorProto, helper
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    graph = helper.make_graph(
        [
            helper.make_node("Add", ["a", "a"], ["sum"]),
            helper.make_node("Mul", ["b", "b"], ["square"]),
            helper.make_node("Greater", ["a", "zero"], ["positive"]),
        ],
        "several",
        [
            helper.make_tensor_value_info("a", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("b", TensorProto.INT32, [2, 1]),
        ],
        [
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("square", TensorProto.INT32, [2, 1]),
            helper.make_tensor_value_info("positive", TensorProto.BOOL, [2, 3]),
        ],
        [onnx.numpy_helper.from_array(np.zeros((1,), np.float32), "zero")],
    )
    export_tflite_model_flatbuffer_direct(
        onnx_graph=helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]),
        output_folder_path=str(folder),
        output_file_name="several",
        keep_shape_absolutely_input_names=["a", "b"],
    )
    return folder / "several_float32.tflite"


def _job_of(server):
    return psutil.Process(server).children(recursive=True)


def _strike(server, number):
    assert _settles(lambda: bool(_job_of(server)))
    time.sleep(0.5)
    for job in _job_of(server):
        job.send_signal(number)


def _settles(condition):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
