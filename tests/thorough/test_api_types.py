"""What a type checker sees of the public API, although it is imported lazily."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import edgepack
reveal_type(edgepack.build("m:n", target="android", timeout=60))
reveal_type(edgepack.verify("dist/n"))
edgepack.build("m:n", cases="three")
edgepack.build("m:n", precision=["int8"])
"""


def test_a_type_checker_sees_results_and_refuses_wrong_settings(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", tmp_path / "program.py"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    said = [line.partition("program.py:")[2] for line in checked.stdout.splitlines() if "program.py:" in line]
    assert said[0] == '3: note: Revealed type is "edgepack.bundle.reading.Bundle"'
    assert said[1] == '4: note: Revealed type is "edgepack.report.model.Report"'
    assert said[2].startswith('5: error: Argument "cases" to "build" has incompatible type "str"')
    assert said[3].startswith('6: error: Unexpected keyword argument "precision" for "build"')
