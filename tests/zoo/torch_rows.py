"""``python torch_rows.py FOLDER NAME...``: small PyTorch networks, exported in three ways.

A name is ``network.way``: ``dynamo`` and ``legacy`` are PyTorch's two writers of ONNX, ``pt2`` is
an archive of torch.export.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tests.zoo.torch_blocks import (
    Angles,
    Attention,
    C2f,
    Causal,
    ConvNeXt,
    Later,
    Named,
    Patches,
    Shuffle,
    Sppf,
    Squeeze,
    Stateful,
    Unet,
    Upsampled,
    Wave,
)

WAYS = ("dynamo", "legacy", "pt2")
IMAGE = (1, 3, 12, 12)
LINE = (1, 4, 16)
TOKENS = (1, 6, 8)

Made = tuple[nn.Module, tuple[tuple[int, ...], ...]]  # a network and the shapes of its inputs


def net(*layers: nn.Module, shape: tuple[int, ...] = IMAGE) -> Callable[[], Made]:
    """A chain of layers; what they hold is drawn again, and normalisation has statistics."""
    return lambda: (nn.Sequential(*layers), (shape,))


def of(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> Callable[[], Made]:
    """A network of its own class."""
    return lambda: (make(), shapes or (IMAGE,))


def conv(given: int = 3, made: int = 6, size: int = 3, **options: object) -> nn.Conv2d:
    """A convolution that keeps the size unless told otherwise."""
    return nn.Conv2d(given, made, size, **{"padding": size // 2, **options})  # type: ignore[arg-type]


def head(channels: int = 6) -> tuple[nn.Module, ...]:
    """A classifier behind an image."""
    return (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4))


NETS: dict[str, Callable[[], Made]] = {
    "cnn": net(conv(stride=2), nn.BatchNorm2d(6), nn.ReLU(), conv(6), nn.ReLU6(), *head()),
    "pool_ceil": net(conv(), nn.AvgPool2d(3, 2, 1, ceil_mode=True), conv(6)),
    "pool_uncounted": net(conv(), nn.AvgPool2d(3, 2, 1, count_include_pad=False), conv(6)),
    "pool_of_negatives": net(conv(), nn.MaxPool2d(3, 2, 1), conv(6)),
    "pool_max_ceil": net(conv(), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.ReLU()),
    "deconv_groups": net(
        conv(), nn.ConvTranspose2d(6, 6, 3, 2, 1, 1, groups=3), nn.BatchNorm2d(6), nn.ReLU()
    ),
    "deconv_depthwise": net(conv(), nn.ConvTranspose2d(6, 6, 4, 2, 1, groups=6, bias=False)),
    "deconv_line": net(
        nn.Conv1d(4, 6, 3, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose1d(6, 5, 4, 2, 1),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        shape=LINE,
    ),
    "grouped": net(conv(3, 6), conv(6, 6, groups=3), nn.BatchNorm2d(6), nn.Hardswish(), *head()),
    "corners": of(lambda: Upsampled("bilinear", align_corners=True)),
    "bilinear": of(lambda: Upsampled("bilinear", align_corners=False)),
    "nearest": of(lambda: Upsampled("nearest")),
    "prelu": net(conv(), nn.PReLU(6), conv(6), nn.PReLU(), nn.Flatten(), nn.Linear(864, 4)),
    "prelu_line": net(nn.Conv1d(4, 6, 3), nn.PReLU(6), nn.Conv1d(6, 4, 3), shape=LINE),
    "prelu_dense": net(nn.Linear(8, 6), nn.PReLU(), nn.Linear(6, 3), shape=(1, 8)),
    "attention": of(Attention, TOKENS),
    "heads": of(lambda: Wave(nn.MultiheadAttention(8, 2, batch_first=True)), TOKENS),
    "encoder": of(
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu"), TOKENS
    ),
    "causal": of(Causal, TOKENS),
    "later": of(Later, TOKENS),
    "angles": of(Angles, (1, 8)),
    "patches": of(Patches),
    "gru_both": of(lambda: Wave(nn.GRU(8, 5, batch_first=True, bidirectional=True)), TOKENS),
    "lstm": of(lambda: Wave(nn.LSTM(8, 5, batch_first=True)), TOKENS),
    "lstm_states": of(Stateful, TOKENS, (1, 1, 5), (1, 1, 5)),
    "layer_norm": net(nn.Linear(8, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 4), shape=TOKENS),
    "group_norm": net(conv(), nn.GroupNorm(3, 6), nn.SiLU(), *head()),
    "instance_norm": net(conv(), nn.InstanceNorm2d(6, affine=True), nn.ReLU(), conv(6)),
    "gelu": net(conv(), nn.GELU(), conv(6), nn.GELU("tanh"), *head()),
    "shuffle": of(Shuffle),
    "yolo": of(lambda: nn.Sequential(conv(3, 8, stride=2), C2f(8), Sppf(8), conv(8, 12, 1))),
    "pixels": net(conv(3, 8), nn.PixelShuffle(2), conv(2, 3)),
    "squeeze": of(Squeeze),
    "unet": of(Unet),
    "named": of(Named),
    "wave": net(
        nn.Conv1d(4, 6, 3, padding=2, dilation=2),
        nn.BatchNorm1d(6),
        nn.ELU(),
        nn.MaxPool1d(2),
        nn.Conv1d(6, 6, 3, groups=6),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
        shape=LINE,
    ),
    "convnext": of(ConvNeXt),
    "softmax_channels": net(conv(), nn.Softmax(1)),
    "bounds": net(conv(), nn.Hardtanh(-0.5, 0.8), conv(6), nn.Hardsigmoid(), conv(6), nn.Mish()),
    "curves": net(
        nn.Linear(8, 6), nn.Softplus(), nn.Linear(6, 6), nn.SELU(), nn.Tanh(), shape=(1, 8)
    ),
    "borders": net(nn.ReflectionPad2d(1), conv(padding=0), nn.ReplicationPad2d(1), nn.AvgPool2d(2)),
}
NAMES = tuple(f"{name}.{way}" for name in NETS for way in WAYS)


def trained(module: nn.Module) -> nn.Module:
    """The network as if it had been trained: statistics and factors are no ones and zeros."""
    with torch.no_grad():
        for name, held in [*module.named_parameters(), *module.named_buffers()]:
            if "running_var" in name:
                held.copy_(torch.rand_like(held) + 0.5)
            elif "running_mean" in name or (held.ndim == 1 and name.endswith("bias")):
                held.copy_(torch.randn_like(held) * 0.3)
    return module.eval()


def write(name: str, folder: Path) -> None:
    """One network by one way."""
    network, _, way = name.partition(".")
    torch.manual_seed(sum(network.encode()))
    made, shapes = NETS[network]()
    module = trained(made)
    inputs = tuple(torch.randn(shape) for shape in shapes)
    if way == "pt2":
        torch.export.save(torch.export.export(module, inputs), folder / name)
        return
    path = str(folder / f"{name}.onnx")
    if way == "dynamo":
        torch.onnx.export(module, inputs, path, dynamo=True, external_data=False, verbose=False)
    else:
        torch.onnx.export(module, inputs, path, dynamo=False, opset_version=17)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(*NAMES)
    for wanted in sys.argv[2:]:
        try:
            write(wanted, Path(sys.argv[1]))
        except Exception as error:  # the exporter's own limits are a row's result
            text = f"{type(error).__name__}: {error}"
            (Path(sys.argv[1]) / f"{wanted}.txt").write_text(" ".join(text.split())[:300])
