"""What a program asks of a runtime is read as torch's own functions read it."""

import pytest
from torch.jit.mobile import _get_model_bytecode_version, _get_model_ops_and_info

from edgepack.backends.torch_lite.program import read_program


@pytest.mark.parametrize("bytecode", [8, 7, 6, 5, 4])
@pytest.mark.parametrize("script", [False, True], ids=["traced", "scripted"])
def test_version_and_operators_are_those_that_torch_finds(site, bytecode, script):
    candidate = site.prove("encoder", bytecode=bytecode, script=script).candidate
    program = read_program(candidate.path)
    assert program.bytecode == bytecode == _get_model_bytecode_version(str(candidate.path))
    assert program.operators == tuple(sorted(_get_model_ops_and_info(str(candidate.path))))
    assert (candidate.requires, candidate.operators) == ({"bytecode": str(bytecode)}, program.operators)
