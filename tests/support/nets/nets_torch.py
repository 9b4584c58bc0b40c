"""PyTorch networks of the kinds that run on microcontrollers, trained for seconds.

``python nets_torch.py FOLDER NAME...`` writes NAME.pt (weights), NAME.onnx, NAME_calib.npz and
NAME_test.npz; for the network "cnn" also cnn.pt2, and what PyTorch predicts of the tests,
cnn_float.npy (probabilities).
"""

from __future__ import annotations

import itertools
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.support.nets.nets_data import digits, waves


def _conv(inputs: int, channels: int, size: int = 3, stride: int = 1, groups: int = 1) -> Any:
    return nn.Sequential(
        nn.Conv2d(inputs, channels, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    )


def cnn() -> nn.Module:
    return nn.Sequential(
        *(_conv(1, 16), nn.ReLU(), nn.MaxPool2d(2), _conv(16, 24), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(24 * 16, 10)),
    )


class Block(nn.Module):
    """Inverted residual of MobileNetV2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = 3 * inputs
        self.body = nn.Sequential(
            *(_conv(inputs, wide, 1), nn.ReLU6()),
            *(_conv(wide, wide, 3, stride, wide), nn.ReLU6()),
            _conv(wide, outputs, 1),
        )
        self.is_short = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.is_short else self.body(x)


def mobilenet_v2() -> nn.Module:
    return nn.Sequential(
        *(_conv(1, 8), nn.ReLU6(), Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1)),
        *(_conv(16, 48, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10)),
    )


def ds_cnn() -> nn.Module:
    parts: list[nn.Module] = [_conv(1, 16), nn.ReLU()]
    for inputs, stride in ((16, 2), (32, 1)):
        parts += [_conv(inputs, inputs, 3, stride, inputs), nn.ReLU(), _conv(inputs, 32, 1)]
        parts += [nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


class Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, 3, stride), nn.ReLU(), _conv(outputs, outputs)
        )
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.short(x))


def resnet8() -> nn.Module:
    return nn.Sequential(
        *(_conv(1, 8), nn.ReLU(), Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 32, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
    )


def autoencoder() -> nn.Module:
    widths = (64, 48, 12, 48)
    parts: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(48, 64))


class Recurrent(nn.Module):
    """A recurrent layer and a dense one on its last state."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.layer = kind(8, 24, batch_first=True)
        self.dense = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.dense(self.layer(x)[0][:, -1])
        return found


def lstm() -> nn.Module:
    return Recurrent(nn.LSTM)


def gru() -> nn.Module:
    return Recurrent(nn.GRU)


def conv_1d() -> nn.Module:
    parts: list[nn.Module] = []
    for inputs, channels in ((1, 8), (8, 16)):
        parts += [nn.Conv1d(inputs, channels, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(256, 3))


NETS = (cnn, mobilenet_v2, ds_cnn, resnet8, autoencoder, lstm, gru, conv_1d)
SHAPES = {"autoencoder": (64,), "lstm": (8, 8), "gru": (8, 8), "conv_1d": (1, 64)}


def train(make: Any, folder: Path) -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)  # networks this small lose by threads that wait for each other
    model, name = make(), make.__name__
    shape = SHAPES.get(name, (1, 8, 8))
    (x, y), (test_x, test_y) = waves() if name == "conv_1d" else digits()
    x, test_x = x.reshape(-1, *shape), test_x.reshape(-1, *shape)
    if name == "autoencoder":
        y, test_y = x, test_x
    loss = nn.MSELoss() if name == "autoencoder" else nn.CrossEntropyLoss()
    steps = torch.optim.Adam(model.parameters(), 1e-2)
    inputs, wanted = torch.tensor(x), torch.tensor(y)
    for _ in range(8):
        for part in torch.randperm(len(x)).split(64):
            steps.zero_grad()
            loss(model(inputs[part]), wanted[part]).backward()
            steps.step()
    model.eval()
    torch.save(model.state_dict(), folder / f"{name}.pt")
    warnings.simplefilter("ignore")  # of exporters, about their own future
    sample = (torch.zeros(1, *shape),)
    torch.onnx.export(
        model, sample, str(folder / f"{name}.onnx"), dynamo=False, input_names=["input"]
    )
    if name == "cnn":
        scores = model(torch.tensor(test_x)).softmax(1)
        np.save(folder / "cnn_float.npy", scores.detach().numpy())
        torch.export.save(torch.export.export(model, sample), folder / "cnn.pt2")
    np.savez(folder / f"{name}_calib.npz", input=x[:200])
    np.savez(folder / f"{name}_test.npz", input=test_x, labels=test_y)


if __name__ == "__main__":
    names = sys.argv[2:]
    for net in NETS:
        if not names or net.__name__ in names:
            train(net, Path(sys.argv[1]))
