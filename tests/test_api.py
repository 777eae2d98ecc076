"""The public API as names; what its functions do is tested where a bundle is at hand."""

import pkgutil

import pytest

import edgepack
from edgepack.errors import UsageError


@pytest.mark.parametrize("name", edgepack.__all__)
def test_every_public_name_is_there_and_explained(name):
    assert name in dir(edgepack)
    value = getattr(edgepack, name)
    if name != "__version__":
        assert len(value.__doc__) > 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'edgepack' has no attribute 'bild'"):
        edgepack.bild  # noqa: B018


def test_no_module_hides_a_public_name():
    # Importing the module edgepack.x sets the attribute x of edgepack, over any function of that name.
    modules = {module.name for module in pkgutil.iter_modules(edgepack.__path__)}
    assert modules & set(edgepack.__all__) == set()


def test_a_wrong_setting_is_refused_before_anything_is_loaded():
    with pytest.raises(UsageError) as caught:
        edgepack.build("no.such:model", precision=["float32"])
    assert caught.value.message == "edgepack.build: unknown key 'precision'"
    assert caught.value.hint.startswith("did you mean precisions?")
