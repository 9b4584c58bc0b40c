"""Blocks of PyTorch networks that people export: attention, YOLO's, shuffles, states as inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """One head by hand: products of two values."""

    def __init__(self) -> None:
        super().__init__()
        self.all = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.all(x).chunk(3, dim=-1)
        weights = (query @ key.transpose(-2, -1) / 8**0.5).softmax(-1)
        return self.out(weights @ value)


class Causal(nn.Module):
    """An encoder that does not see what comes later: a mask of minus infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.mask = nn.Buffer(torch.triu(torch.full((6, 6), float("-inf")), 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, src_mask=self.mask)


class Later(nn.Module):
    """Attention that PyTorch itself keeps from what comes later: the mask is a choice."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        given = (self.query(x), self.key(x), x)
        return functional.scaled_dot_product_attention(*given, is_causal=True)


class Angles(nn.Module):
    """An arc tangent, cleaned of what is no number."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        return torch.nan_to_num(torch.atan(self.dense(x)))


class Patches(nn.Module):
    """Squares of an image in rows: a transposition of six axes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(functional.unfold(self.first(x), 2, stride=2).transpose(1, 2))


class Wave(nn.Module):
    """A layer on sequences, its last step into a classifier."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.is_attention = isinstance(layer, nn.MultiheadAttention)
        width = 10 if getattr(layer, "bidirectional", False) else 8 if self.is_attention else 5
        self.out = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        found = self.layer(x, x, x) if self.is_attention else self.layer(x)
        return self.out(found[0][:, -1])


class Stateful(nn.Module):
    """An LSTM whose states come in and go out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(8, 5, batch_first=True)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (hidden, cell) = self.layer(x, (hidden, cell))
        return y, hidden, cell


class Upsampled(nn.Module):
    """A decoder's step to a size that is no multiple."""

    def __init__(self, mode: str, align_corners: bool | None = None) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 3, 3, padding=1)
        self.mode, self.align = mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        small = self.first(x)
        large = functional.interpolate(
            small, size=(11, 15), mode=self.mode, align_corners=self.align
        )
        return self.last(large)


class Shuffle(nn.Module):
    """ShuffleNet's unit: split, grouped convolution, join, shuffle of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.branch = nn.Sequential(
            nn.Conv2d(4, 4, 1),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
            nn.BatchNorm2d(4),
        )

    def forward(self, x: Tensor) -> Tensor:
        kept, given = self.first(x).chunk(2, dim=1)
        joined = torch.cat((kept, self.branch(given)), dim=1)
        n, c, h, w = joined.shape
        return joined.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w).relu()


class _Unit(nn.Module):
    """YOLO's unit: convolution, batch normalisation, SiLU."""

    def __init__(self, given: int, made: int, size: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(given, made, size, padding=size // 2, bias=False),
            nn.BatchNorm2d(made),
            nn.SiLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class C2f(nn.Module):
    """YOLOv8's block: halves, bottlenecks, all of them joined."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.first, self.last = _Unit(channels, channels), _Unit(3 * half, channels)
        self.inner = nn.Sequential(_Unit(half, half, 3), _Unit(half, half, 3))

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        parts.append(parts[-1] + self.inner(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Sppf(nn.Module):
    """Max pooling three times over, with padding, of values of both signs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.first, self.last = _Unit(channels, half), _Unit(4 * half, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Squeeze(nn.Module):
    """Squeeze and excite, as in MobileNetV3."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down, self.up = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.hardswish(self.first(x))
        gate = self.up(self.down(x.mean((2, 3), keepdim=True)).relu())
        return (x * functional.hardsigmoid(gate)).mean((2, 3))


class Unet(nn.Module):
    """Down, up again by a transposed convolution, joined with what went before."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.up, self.last = nn.ConvTranspose2d(8, 6, 2, 2), nn.Conv2d(12, 2, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        high = self.a(x).relu()
        low = self.b(self.pool(high)).relu()
        return self.last(torch.cat((high, self.up(low)), 1)).sigmoid()


class Named(nn.Module):
    """Results in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, 2, 1)
        self.boxes, self.scores = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x).relu()
        return {"scores": self.scores(x).sigmoid(), "boxes": self.boxes(x)}


class ConvNeXt(nn.Module):
    """ConvNeXt's block: depthwise, normalisation over channels, two dense layers, a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.deep = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8)
        self.wide, self.back = nn.Linear(8, 16), nn.Linear(16, 8)
        self.scale = nn.Parameter(torch.full((8,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        inner = self.norm(self.deep(x).permute(0, 2, 3, 1))
        inner = self.back(functional.gelu(self.wide(inner))) * self.scale
        return (x + inner.permute(0, 3, 1, 2)).mean((2, 3))
