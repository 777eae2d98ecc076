"""Attention in plain operators computes what torch's own does."""

import pytest
import torch
from torch.nn import functional

from edgepack.backends.torch_lite.attention import plain_attention


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"is_causal": True},
        {"attn_mask": torch.rand(5, 7)},
        {"attn_mask": torch.rand(5, 7) > 0.3},
        {"scale": 0.7},
        {"enable_gqa": True},
    ],
    ids=lambda arguments: next(iter(arguments), "plain"),
)
def test_plain_attention_is_attention(arguments):
    heads = 2 if "enable_gqa" in arguments else 4
    query, key, value = torch.rand(1, 4, 5, 8), torch.rand(1, heads, 7, 8), torch.rand(1, heads, 7, 6)
    expected = functional.scaled_dot_product_attention(query, key, value, **arguments)
    with plain_attention():
        got = functional.scaled_dot_product_attention(query, key, value, **arguments)
    torch.testing.assert_close(got, expected)
