"""What `scripts/android build` has left in the user's own cache, and the app's classes on the plain JVM."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from platformdirs import user_cache_path

import edgepack
from edgepack.toolchain.programs import call

ROOT = Path(__file__).parents[3]
# Read before the tests' own settings hide it.
CACHE = Path(os.environ.get("EDGEPACK_CACHE_DIR") or user_cache_path("edgepack"))
SAMPLE = ROOT / "sample_models" / "digits"
JAVA = Path(__file__).parent / "java"
SOURCES = [ROOT / "android_demo" / one / "src" / "main" / "java" for one in ("runtime", "pictures", "app")]


@pytest.fixture(scope="session")
def android():
    """The command behind scripts/android, with the user's own downloads."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "android_tools", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "EDGEPACK_CACHE_DIR": str(CACHE), **environment},
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def plain_jvm(tmp_path_factory):
    """The app's runtime package on the plain JVM; see java/dev/edgepack/runtime/PlainJvm.java."""
    folder = tmp_path_factory.mktemp("classes")
    libraries = ":".join(map(str, class_path(folder)))
    main = JAVA / "dev" / "edgepack" / "runtime" / "PlainJvm.java"
    sources = ("-sourcepath", ":".join(map(str, (JAVA, *SOURCES))), "-d", str(folder), str(main))
    call(["javac", "-nowarn", "-cp", libraries, *sources], "compile the runtime package")

    def run(folders):
        command = ["java", "-cp", f"{folder}:{libraries}", "dev.edgepack.runtime.PlainJvm"]
        call([*command, *folders], "run it")
        return [(one / "result").read_bytes() for one in folders]

    return run


def class_path(folder):
    """Give Android and the runtimes' classes, out of the downloads of `scripts/android build`."""
    found = list(CACHE.glob("downloads/*/android-all-14-*.jar"))
    if not found:
        pytest.skip("scripts/android build has not been run: there is no Android to compile against")
    for name in ("pytorch_android_lite", "tensorflow-lite"):
        for archive in sorted(CACHE.glob(f"downloads/*/{name}-*.aar")):
            with ZipFile(archive) as opened:
                found.append(folder / f"{archive.stem}.jar")
                found[-1].write_bytes(opened.read("classes.jar"))
    return found


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "digits"
    edgepack.build(
        f"{SAMPLE / 'model.py'}:digits", output=folder, calibration=str(SAMPLE / "calibration.npz")
    )
    return folder


@pytest.fixture
def job(tmp_path):
    """Write a job for `plain_jvm` into a folder of its own."""
    count = iter(range(1_000_000))

    def write(what, files, **document):
        folder = tmp_path / f"job{next(count)}"
        folder.mkdir()
        (folder / "job.json").write_text(json.dumps({"do": what, **document}))
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    return write
