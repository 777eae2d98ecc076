import sys

import pytest
from source_models import Net, randomise

from edgepack.input_syntax import parse_binding, parse_input
from edgepack.sources.base import SourceRequest


@pytest.fixture
def net():
    return randomise(Net())


@pytest.fixture
def request_for():
    """Make a SourceRequest the way the command line does."""

    def make(text, *inputs, bind=(), **options):
        bound = tuple(parse_binding(one) for one in bind)
        return SourceRequest(str(text), tuple(parse_input(one) for one in inputs), bind=bound, **options)

    return make


@pytest.fixture
def clean_imports():
    """Let a test import the user's modules without leaving them to the next one."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith("/tmp/"):
            del sys.modules[name]
