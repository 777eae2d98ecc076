"""What holds for every test: no network, and none of the user's own settings and caches."""

import os
from collections.abc import Iterator

import pytest

_NOWHERE = "http://127.0.0.1:9"  # port 9, "discard": nothing listens there


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("EDGEPACK_"):
                environment.delenv(name)
        environment.setenv("EDGEPACK_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        # pytest-socket guards this process only; the processes that tests start inherit this.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            environment.setenv(name, _NOWHERE)
        yield
