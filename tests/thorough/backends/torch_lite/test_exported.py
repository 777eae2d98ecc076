"""A module that comes out of an exported program goes through the routes like any other."""

import torch
from lite_site import model_in_this_process


def test_exported_program_goes_through(site, tmp_path):
    program = torch.export.export(model_in_this_process("image"), (torch.rand(1, 3, 12, 9),))
    torch.export.save(program, tmp_path / "image.pt2")
    attempt = site.prove(str(tmp_path / "image.pt2"))
    assert (attempt.route, attempt.failures) == ("trace", ())
