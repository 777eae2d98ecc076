"""Runs the commands that a document shows, and compares what they print with what it shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

NUMBER = re.compile(r"\d+(\.\d+)*(e[-+]?\d+)?")


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a document with the output shown for it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks("console", text)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shape(line: str) -> str:
    """A line without what differs between machines and runs: numbers, and the spaces that align them."""
    return " ".join(NUMBER.sub("0", line).replace("─", "").split())


def agrees(shown: str, printed: str) -> bool:
    """Whether a document may show a line so; `…` at the end stands for the rest of what is printed."""
    if shown.endswith("…"):
        return shape(printed).startswith(shape(shown.removesuffix("…")))
    return shape(printed) == shape(shown)


def check(text: str, folder: Path, **environment: str) -> int:
    """Run a document's commands in order, as if in a clone, and give how many there are.

    A line that is shown has to be printed, whole and behind those shown before it; `…` stands for any lines,
    and at the end of a line for its rest.
    """
    shown = commands(text)
    base = os.environ | environment
    path = f"{Path(sys.executable).parent}{os.pathsep}{base['PATH']}"
    for command, expected in shown:
        result = subprocess.run(
            shlex.split(command),
            cwd=folder,
            env=base | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        got = iter(result.stdout.splitlines())
        for line in (one for one in expected if one != "…"):
            # The rest of the iterator is searched, so the lines have to come in this order.
            assert any(agrees(line, one) for one in got), (
                f"{command}\ndoes not print: {line}\n{result.stdout}"
            )
    return len(shown)
