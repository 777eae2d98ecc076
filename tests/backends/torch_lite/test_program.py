"""What a program asks of a runtime is read as torch's own functions read it."""

from dataclasses import replace

import pytest
from torch.jit.mobile import _get_model_bytecode_version, _get_model_ops_and_info

from edgepack.backends.torch_lite.backend import BYTECODE_VERSIONS
from edgepack.backends.torch_lite.program import Program, read_program
from edgepack.backends.torch_lite.routes import ROUTES


@pytest.mark.parametrize("name", ["trace", "script"])
def test_version_and_operators_are_those_that_torch_finds(site, name):
    context = site.load("encoder")
    (route,) = (route for route in ROUTES["float32"] if route.name == name)
    for bytecode in BYTECODE_VERSIONS:
        options = replace(context.options, bytecode=bytecode)
        path = site.make(replace(context, options=options), route)
        operators = tuple(sorted(_get_model_ops_and_info(str(path))))
        assert read_program(path) == Program(bytecode, operators)
        assert _get_model_bytecode_version(str(path)) == bytecode
