"""Counts beside those of an earlier run."""

import json

import pytest

from edgepack.bench import Count, compare_counts, read_baseline, to_json
from edgepack.errors import UsageError

_COUNTS = (
    Count("tflite/float32", "tensorflow-lite 2.16.1", "cortex-a53", 1_000_000),
    Count("tflite/float32", "tensorflow-lite 2.16.1", "cortex-a76", 500_000),
)


def test_a_count_is_compared_with_the_same_place_only():
    baseline = json.loads(json.dumps(to_json([Count(*_COUNTS[0].place, 800_000)])))
    first, second = compare_counts(_COUNTS, baseline)
    assert (first.before, first.relative) == (800_000, 0.25)
    assert (second.before, second.relative) == (None, 0.0)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"schema": "edgepack.bench/2", "counts": []}, "the baseline is not of the kind edgepack.bench/1"),
        ({"counts": []}, "the baseline cannot be read: 'schema'"),
        ({"schema": "edgepack.bench/1", "counts": [{"artifact": "a"}]}, "the baseline cannot be read: "),
    ],
)
def test_a_document_that_is_no_baseline_is_refused(document, message):
    with pytest.raises(UsageError) as wrong:
        compare_counts(_COUNTS, document)
    assert wrong.value.message.startswith(message)


@pytest.mark.parametrize("content", [None, "no JSON", ""])
def test_a_baseline_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "before.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="cannot read the baseline"):
        read_baseline(path)
