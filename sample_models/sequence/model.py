"""A tagger for token ids: an embedding and an LSTM with seeded random weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Tagger(nn.Module):
    """A score for each of six tags, for each of 16 tokens out of a vocabulary of 100."""

    edgepack_inputs = ("tokens:int64[1,16]=0..99",)

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 24)
        self.lstm = nn.LSTM(24, 32, num_layers=2, batch_first=True)
        self.tags = nn.Linear(32, 6)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens))
        return self.tags(states)


def sequence() -> Tagger:
    """Make the tagger; the same weights in every process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Tagger().eval()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
        nn.init.normal_(model.embedding.weight)
    return model
