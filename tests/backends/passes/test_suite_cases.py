"""Passes that take more than a node to show: cases of ONNX's own suite, run without the converter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgepack.backends.passes import prepare
from edgepack.backends.passes.registry import rewrites
from edgepack.backends.passes.schemas import numpy_dtype
from edgepack.backends.passes.shape_inputs import shape_inputs

SUITE = Path(__file__).resolve().parents[3] / "scripts" / "onnx_coverage"

CASES = {
    "adagrad": "node/test_adagrad_multiple",
    "adam": "node/test_adam",
    "array_feature_extractor": "node/test_ai_onnx_ml_array_feature_extractor",
    "at": "simple/test_sequence_model1",
    "binarizer": "node/test_ai_onnx_ml_binarizer",
    "concat_from": "simple/test_sequence_model5",
    "construct": "simple/test_sequence_model2",
    "empty": "simple/test_sequence_model1",
    "erase": "simple/test_sequence_model3",
    "eye_like": "node/test_eyelike_populate_off_main_diagonal",
    "if_resolved": "node/test_if",
    "insert": "simple/test_sequence_model3",
    "length": "simple/test_sequence_model6",
    "loop_unrolled": "node/test_loop11",
    "momentum": "node/test_nesterov_momentum",
    "negative_log_likelihood": "node/test_nllloss_NCd1d2_with_weight",
    "optional_get": "node/test_optional_get_element_tensor",
    "optional_has": "node/test_optional_has_element_empty_no_input_tensor_input",
    "qlinear_matmul": "node/test_qlinearmatmul_3D_uint8_float32",
    "scan_batched": "node/test_scan_sum",
    "scan_unrolled": "node/test_scan9_sum",
    "shape": "node/test_attention_3d_causal_expanded",
    "size": "node/test_size",
    "softmax_cross_entropy": "node/test_sce_NCd1d2d3_none_no_weight_negative_ii_log_prob",
    "split_to": "simple/test_sequence_model7",
    "suppression_per_image": "node/test_nonmaxsuppression_two_batches",
    "tensor_scatter": "node/test_tensorscatter_circular",
    "tfidf_vectorizer": "node/test_tfidfvectorizer_tf_batch_uniandbigrams_skip5",
    "tree_ensemble": "node/test_ai_onnx_ml_tree_ensemble_set_membership",
}


@pytest.fixture(scope="module")
def suite():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SUITE))
        import onnx_suite

        yield onnx_suite, onnx_suite.load_cases()


@pytest.mark.parametrize("applied", CASES)
def test_case_computes_what_the_suite_expects(applied, suite, reference):
    module, cases = suite
    case = cases[CASES[applied]]
    feeds = dict(zip((i.name for i in case.model.graph.input), case.inputs, strict=False))
    bound = {name: feeds[name] for name in shape_inputs(case.model) if name in feeds}
    prepared = prepare(case.model, bound)
    assert applied in {name for _, name in prepared.applied}
    stored = {i.name: numpy_dtype(i.type.tensor_type.elem_type) for i in prepared.model.graph.input}
    given = {name: feeds.get(name, np.zeros(1)).astype(dtype) for name, dtype in stored.items()}
    assert module.judge(case, reference(prepared.model, given)) == ""


def test_every_pass_is_tested():
    shown = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = {entry.name for found in rewrites().values() for entry in found}
    assert [name for name in sorted(names) if f'"{name}"' not in shown] == []
