"""adb with a device behind it: a folder, given by FAKE_DEVICE, that holds its files and `state.json`.

It takes what adb takes, and like adb it lets a shell on the device take commands apart. state.json says what
is unusual: other devices, an app that is missing, cannot be debugged, crashes, hangs or writes nonsense.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["FAKE_DEVICE"])
STATE = json.loads((ROOT / "state.json").read_text())
PACKAGE = "dev.edgepack.demo"
HOME = f"/data/user/0/{PACKAGE}"
APP = Path(__file__).with_name("fake_app.py")


def here(path):
    """Where a path of the device lies on this machine."""
    return f"{ROOT}{path}" if path.startswith("/data/") else path


def main(arguments):
    with (ROOT / "calls").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    if arguments == ["devices"]:
        print("List of devices attached")
        for serial, state in STATE["devices"].items():
            print(f"{serial}\t{state}")
        return 0
    assert arguments[0] == "-s"
    assert STATE["devices"][arguments[1]] == "device"
    verb, *rest = arguments[2:]
    if verb == "push":
        return push(*rest)
    # adb joins with blanks; the device's shell takes apart.
    words = shlex.split(" ".join(rest))
    code, text = shell(words)
    # exec-out gives no exit code and mixes what goes wrong into what is printed.
    print(text, end="")
    return 0 if verb == "exec-out" else code


def push(source, remote):
    assert os.path.isdir(source)
    target = Path(here(remote))
    if STATE.get("full"):
        print(f"adb: error: failed to copy to '{remote}': remote No space left on device", file=sys.stderr)
        return 1
    # As adb does: into the folder if it is there.
    shutil.copytree(source, target / Path(source).name if target.is_dir() else target)
    return 0


def shell(words):
    match words:
        case ["pm", "path", name]:
            return (0, f"package:/data/app/{name}/base.apk\n") if STATE.get("app", True) else (1, "")
        case ["run-as", name, *command]:
            assert name == PACKAGE
            if not STATE.get("debuggable", True):
                return 1, f"run-as: package not debuggable: {name}\n"
            return run(command, here(HOME))
        case ["am", "start", *rest]:
            return start(rest)
        case ["am", "force-stop", name]:
            (ROOT / "stopped").touch()
            return 0, ""
        case ["pidof", name]:
            return (0, "4711\n") if (ROOT / "running").exists() else (1, "")
        case ["logcat", *_]:
            return 0, "F DEBUG: pid 4711 >>> dev.edgepack.demo <<<\nF DEBUG: signal 11 (SIGSEGV)\n"
        case ["rm" | "mkdir", *_]:
            return run(words, str(ROOT))
    raise AssertionError(words)


def run(words, folder):
    if words == ["pwd"]:
        return 0, f"{HOME}\n"
    if words[:2] == ["sh", "-c"]:
        words = ["sh", "-c", words[2].replace("/data/", f"{ROOT}/data/")]
    else:
        words = [here(word) for word in words]
    done = subprocess.run(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def start(words):
    assert words[:4] == ["-W", "-n", f"{PACKAGE}/.SelfTestActivity", "--es"]
    extras = dict(zip(words[4::3], words[5::3], strict=True))
    assert extras.keys() == {"bundle", "report", "runs"}, words
    if STATE.get("activity", True) is False:
        return 0, "Error type 3\nError: Activity class {dev.edgepack.demo/…} does not exist.\n"
    report = Path(here(f"{HOME}/files/selftest/{extras['report']}"))
    match STATE.get("behaviour"):
        case "crashes":
            return 0, "Status: ok\n"
        case "hangs":
            (ROOT / "running").touch()
        case "babbles":
            (ROOT / "running").touch()
            report.parent.mkdir(parents=True)
            report.write_text("<html>not found</html>")
        case None:
            (ROOT / "running").touch()
            inference = [sys.executable, APP, here(extras["bundle"]), report, extras["runs"]]
            subprocess.run(inference, check=True, stdout=sys.stderr)
    return 0, "Starting: Intent { cmp=dev.edgepack.demo/.SelfTestActivity }\nStatus: ok\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
