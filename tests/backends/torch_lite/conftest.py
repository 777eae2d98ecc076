import pytest
from lite_site import Site

from edgepack.workers import Limits, Workers


@pytest.fixture(scope="session")
def workers(tmp_path_factory):
    """Workers that import torch once for all tests."""
    with Workers(tmp_path_factory.mktemp("torch-lite") / "logs", Limits(seconds=300)) as pool:
        yield pool


@pytest.fixture
def site(workers, tmp_path) -> Site:
    return Site(workers, tmp_path)
