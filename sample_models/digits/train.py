"""Trains the digit classifier on scikit-learn's digits and writes everything in this folder that is data.

Run it as `python sample_models/digits/train.py`; `--output` writes elsewhere. On one machine and with one
release of PyTorch it gives the same weights each time.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from model import DigitsNet
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional

EPOCHS = 30
BATCH = 64
SEED = 0
INK = 16
"""Full ink in scikit-learn's digits, which count the dark pixels of 4x4 blocks."""
HELD_BACK = 0.2
CALIBRATION = 64


@dataclass(frozen=True, slots=True)
class Split:
    """Images as float32[N,1,8,8] from 0 to 1, labels as int64[N]."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def split() -> Split:
    """Divide the digits into those to learn from and those held back, the same way each time."""
    data = load_digits()
    images = (data.images[:, None] / INK).astype(np.float32)
    labels = data.target.astype(np.int64)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=HELD_BACK, stratify=labels, random_state=SEED
    )
    return Split(train_images, train_labels, test_images, test_labels)


def train(data: Split) -> DigitsNet:
    """Fit a network to the training part."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    model = DigitsNet().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def accuracy(model: DigitsNet, data: Split) -> dict[str, float]:
    """Count what the network gets right of the part held back."""
    with torch.no_grad():
        guesses = model(torch.from_numpy(data.test_images)).argmax(1).numpy()
    correct = int((guesses == data.test_labels).sum())
    return {"correct": correct, "total": len(guesses), "accuracy": round(correct / len(guesses), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output: Path = parser.parse_args().output
    data = split()
    model = train(data)
    torch.save(model.state_dict(), output / "weights.pth")
    np.savez_compressed(output / "test_data.npz", image=data.test_images, label=data.test_labels)
    np.savez_compressed(output / "calibration.npz", image=data.train_images[:CALIBRATION])
    result = accuracy(model, data)
    (output / "accuracy.json").write_text(json.dumps(result, indent=2) + "\n")
    print(result)


if __name__ == "__main__":
    main()
