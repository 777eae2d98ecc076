"""`edgepack doctor`, really run."""

import json
import sys


def test_doctor_shows_machine_and_extras(edgepack, tmp_path):
    done = edgepack("doctor", "--json", EDGEPACK_CACHE_DIR=str(tmp_path / "not" / "yet"))
    found = json.loads(done.stdout)
    assert (done.returncode, found["usable"]) == (0, True)
    assert found["python"]["executable"] == sys.executable
    assert found["memory"] > found["memory_free"] > 0
    assert found["cache"]["path"] == str(tmp_path / "not" / "yet")
    assert found["cache"]["free"] > 0
    assert not (tmp_path / "not").exists(), "looking changes nothing"
    assert {extra["name"]: extra["complete"] for extra in found["extras"]}["tflite"] is True


def test_doctor_says_what_completes_an_extra(start_with):
    body = """
    import importlib.metadata, edgepack.toolchain.packages as packages
    real = importlib.metadata.version
    def version(name):
        if name == "onnx2tf":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.13.0" if name == "torch" else real(name)
    packages.version = version
    return original()
"""
    process = start_with(body)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "incomplete, complete it by: pip install 'edgepack[tflite]'" in out
    assert "must be <2.13,>=2.9" in out
    assert "not installed" in out


def test_a_broken_base_exits_with_5(start_with):
    body = """
    import edgepack.toolchain.packages as packages
    packages.version = lambda name: "0.1"
    return original()
"""
    process = start_with(body)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "complete it by: pip install edgepack\n" in out


def test_doctor_says_what_installs_a_program(edgepack, tmp_path):
    done = edgepack("doctor", PATH=str(tmp_path))
    assert done.returncode == 0, "only the ARM64 runner needs them"
    assert "programs, to run artifacts on ARM64: incomplete" in done.stdout
    assert "install it by: " in done.stdout.partition("mvn")[2]
