"""What the textbook recipe and prepacking do to real networks, and that a route of ours is right."""

import pytest
import torch
from lite_site import bare_recipe, model_in_this_process


@pytest.mark.parametrize("model", ["resnet18", "mobilenet_v2"])
def test_bare_recipe_is_wrong_and_our_first_route_is_right(site, model, tmp_path):
    context = site.load(model)
    bare_recipe(model_in_this_process(model), torch.rand(1, 3, 224, 224), tmp_path / "bare.ptl")
    bare = site.check(context, tmp_path / "bare.ptl")
    assert not bare.passed
    assert bare.needed_relative > 0.1

    attempt = site.prove(model)
    assert (attempt.route, attempt.failures) == ("trace", ())
    assert max(result.needed_relative for result in attempt.results) < 1e-5


@pytest.mark.parametrize("script", [False, True])
def test_prepacking_breaks_swin_v2_and_a_later_route_is_right(site, script):
    attempt = site.prove("swin_v2_t", script=script)
    (failure,) = attempt.failures
    first, later = ("script", "script-freeze") if script else ("trace", "trace-no-prepack")
    assert (failure.route, attempt.route) == (first, later)
    assert max(one.needed_relative for one in failure.comparisons) > 1e-3
    assert max(result.needed_relative for result in attempt.results) < 1e-5
