"""Contract tests run over every backend that is installed."""

from edgepack.backends import backend_names, load_backend


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        names = backend_names()
        metafunc.parametrize("backend", [load_backend(name) for name in names], ids=names)
