"""Inputs that a pass wants to be known can be bound, because the pass says which they are."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from edgepack.backends.passes import prepare
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrites
from edgepack.backends.passes.shape_inputs import shape_inputs, structural_slots
from edgepack.errors import ConversionError

SUITE = Path(__file__).resolve().parents[3] / "scripts" / "onnx_coverage"


@pytest.fixture(scope="module")
def cases():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SUITE))
        from onnx_suite import load_cases

        yield load_cases()


@pytest.fixture
def wanted(monkeypatch):
    """Domain, operator and index of every input that a pass asks to be known."""
    found = set()
    constant = Node.constant

    def recorded(node, index, what):
        found.add((node.domain, node.op_type, index))
        return constant(node, index, what)

    monkeypatch.setattr(Node, "constant", recorded)
    return found


def test_whatever_a_pass_wants_to_be_known_it_declares(cases, wanted):
    for case in cases.values():
        if not any((node.domain, node.op_type) in rewrites() for node in case.model.graph.node):
            continue
        feeds = dict(zip((i.name for i in case.model.graph.input), case.inputs, strict=False))
        bound = {name: feeds[name] for name in shape_inputs(case.model) if name in feeds}
        with contextlib.suppress(ConversionError):
            prepare(case.model, bound)
    slots = structural_slots()
    assert len(wanted) > 30
    assert [one for one in sorted(wanted) if one[2] not in slots.get(one[:2], ())] == []
