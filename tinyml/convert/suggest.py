"""What to try next, from the figures of the layers."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from tinyml.convert.layers import Layer
from tinyml.convert.rules import EXPANDED, has_16_bits
from tinyml.convert.values import QuantizeSettings
from tinyml.ops.hard_swish import HARD_SWISH

_HARMLESS_DB = 30.0  # a layer that alone leaves the output this clean is no cause
_NEAR_DB = 10.0  # layers this close to the worst one are named with it
_MOST = 3  # layers named one by one
_OUTLIER = 8.0  # peak of the loudest channel over the median one
_CLIPPED = 0.002  # share of values that a calibration should not cut off


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing to try."""

    text: str  # a sentence for people
    option: str  # for the command line, "--keep-int16 conv_3"; empty when it means retraining
    layer: str  # the layer concerned; empty for the whole model
    settings: QuantizeSettings | None  # to try it at once; None when it means retraining

    def to_json(self) -> dict[str, str]:
        """As it stands in convert.json."""
        return {"text": self.text, "option": self.option, "layer": self.layer}


def suggestions(
    layers: Sequence[Layer], settings: QuantizeSettings, movable: Set[str] = frozenset()
) -> tuple[Suggestion, ...]:
    """What to try on the layers that harm most, best first; empty when no layer harms.

    ``movable`` names the layers whose channels can be equalised with the layer behind them.
    """
    guilty = sorted(
        (item for item in layers if item.own_db < _HARMLESS_DB), key=lambda item: item.own_db
    )
    if not guilty:
        return ()
    near = [layer for layer in guilty if layer.own_db < guilty[0].own_db + _NEAR_DB][:_MOST]
    found: list[Suggestion] = []
    loud = [item for item in near if item.name in movable and item.outlier_ratio > _OUTLIER]
    if loud and not settings.equalize:
        text = (
            f"equalise channels: channel {loud[0].outlier_channel} of '{short(loud[0].name)}' is "
            f"{loud[0].outlier_ratio:.0f} times as large as the median channel, and a factor can "
            "move into the next layer at no cost"
        )
        found.append(Suggestion(text, "--equalize", loud[0].name, replace(settings, equalize=True)))
    wide = [layer.name for layer in near if _can_widen(layer, settings)]
    if len(wide) > 1:
        listed = ", ".join(f"'{short(name)}'" for name in wide)
        found.append(_keep(wide, settings, f"keep {listed} at 16 bits"))
    for layer in near:
        found += _for_layer(layer, settings)
    found += _for_model(near, settings)
    unique = {item.option or item.text: item for item in found}
    return tuple(unique.values())


def _can_widen(layer: Layer, settings: QuantizeSettings) -> bool:
    return (
        layer.bits == 8
        and settings.quantization != "int16x8"
        and (has_16_bits(layer.kind) or layer.kind in EXPANDED)
        and (layer.weights_db is None or layer.values_db < layer.weights_db + _NEAR_DB)
    )


def _for_layer(layer: Layer, settings: QuantizeSettings) -> list[Suggestion]:
    found = []
    name = short(layer.name)
    if layer.weights_db is not None and layer.weights_db < layer.values_db:
        if settings.quantization == "int8-per-tensor":
            text = f"the weights of '{name}' need a scale per channel"
            changed = replace(settings, quantization="int8")
            found.append(Suggestion(text, "--quantization int8", layer.name, changed))
        found.append(
            _retrain(f"the weights of '{name}' lose most: fine-tune with fake quantisation")
        )
    if _can_widen(layer, settings):
        why = f"its result lies within {layer.low:.3g}..{layer.high:.3g}"
        if layer.outlier_ratio > _OUTLIER:
            why = (
                f"channel {layer.outlier_channel} of its result is {layer.outlier_ratio:.0f} times "
                "as large as the median channel, which leaves few steps for the others"
            )
        found.append(_keep([layer.name], settings, f"keep '{name}' at 16 bits: {why}"))
    if layer.kind == HARD_SWISH:
        found.append(_retrain(f"replace the hard-swish '{name}' by ReLU or ReLU6 and fine-tune"))
    if layer.clipped_share > _CLIPPED and settings.ranges == "minmax":
        text = (
            f"{layer.clipped_share:.1%} of the values of '{name}' clip: "
            "calibrate with more samples, of all classes"
        )
        found.append(_retrain(text))
    return found


def _keep(names: list[str], settings: QuantizeSettings, text: str) -> Suggestion:
    shorts = [short(name) for name in names]
    option = " ".join(f"--keep-int16 {name}" for name in shorts)
    changed = replace(settings, keep_int16=(*settings.keep_int16, *shorts))
    return Suggestion(text, option, names[0], changed)


def _retrain(text: str) -> Suggestion:
    return Suggestion(text, "", "", None)


def _for_model(near: Sequence[Layer], settings: QuantizeSettings) -> list[Suggestion]:
    found = []
    for ranges in ("percentile", "mse"):
        if settings.ranges == "minmax" and settings.quantization != "int16x8":
            text = f"choose ranges by {ranges}: rare extremes clip, the rest gets finer steps"
            changed = replace(settings, ranges=ranges)
            found.append(Suggestion(text, f"--ranges {ranges}", "", changed))
    if settings.quantization in ("int8", "int8-per-tensor"):
        changed = replace(settings, quantization="int16x8", keep_int16=())
        text = "16-bit values throughout: twice the RAM, and slower"
        found.append(Suggestion(text, "--quantization int16x8", "", changed))
    outliers = [layer for layer in near if layer.outlier_ratio > _OUTLIER]
    if outliers:
        name = short(outliers[0].name)
        found.append(_retrain(f"train again with weight decay or batch normalisation at '{name}'"))
    if not any("fine-tune" in item.text for item in found):
        found.append(_retrain("fine-tune with fake quantisation (docs/quantization.md)"))
    return found


def short(name: str) -> str:
    """The first of several names that a framework joined with semicolons."""
    return name.split(";")[0]
