"""Attention in operators that every runtime has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import torch
from torch.nn import functional

_NAME = "scaled_dot_product_attention"


@contextmanager
def plain_attention() -> Iterator[None]:
    """Let torch 2.0's `scaled_dot_product_attention` be two products and a softmax while the context lasts.

    Nor are whole layers computed by one operator then: that of torch 1.12 takes no masks and no norm_first.
    It changes torch for the whole process, so only a job may use it.
    """
    places = (functional, torch._C._nn)  # for modules, and for the code that torch.fx writes
    fused, whole = getattr(functional, _NAME), torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    for place in places:
        setattr(place, _NAME, _attention)
    try:
        yield
    finally:
        for place in places:
            setattr(place, _NAME, fused)
        torch.backends.mha.set_fastpath_enabled(whole)


def _attention(  # noqa: PLR0913, PLR0917  scaled_dot_product_attention's own parameters
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001  no dropout in eval mode
    is_causal: bool = False,  # noqa: FBT001
    scale: float | None = None,
    enable_gqa: bool = False,  # noqa: FBT001
) -> torch.Tensor:
    """Compute what the documentation of `torch.nn.functional.scaled_dot_product_attention` spells out."""
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    factor = query.size(-1) ** -0.5 if scale is None else scale
    scores = query @ key.transpose(-2, -1) * factor
    if is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -inf)
    if attn_mask is not None:
        allowed = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -inf) if allowed else scores + attn_mask
    return scores.softmax(-1) @ value
