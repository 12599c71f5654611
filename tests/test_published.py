"""Published networks, whole: parameters to the last one, multiply-accumulates to the published digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import convinspect
from tests.test_sample_models import PUBLISHED as PUBLISHED_SAMPLES
from tests.test_sample_models import Sample
from tests.zoo import branching, gated, language, patches, plain

IMAGE = (1, 3, 224, 224)


@dataclass(frozen=True, slots=True)
class Published:
    """A network and what its publisher says of it, GMACs with the digits that are printed."""

    name: str
    build: Callable[[], nn.Module]
    params: int
    gmacs: str


# The numbers of torchvision's model pages. Its "GFLOPS" are multiply-accumulates of convolutions, linear layers and
# products of matrices, those of attention included: what this package calls MACs.
IMAGE_NETWORKS = [
    Published("alexnet", plain.alexnet, 61_100_840, "0.714"),
    Published("vgg11", lambda: plain.vgg(11), 132_863_336, "7.609"),
    Published("vgg16", lambda: plain.vgg(16), 138_357_544, "15.470"),
    Published("squeezenet1_1", plain.SqueezeNet, 1_235_496, "0.349"),
    Published("densenet121", branching.DenseNet121, 7_978_856, "2.834"),
    Published("googlenet", branching.GoogLeNet, 6_624_904, "1.498"),
    Published("shufflenet_v2_x1_0", branching.ShuffleNetV2, 2_278_604, "0.145"),
    Published("mobilenet_v3_large", gated.mobilenet_v3_large, 5_483_032, "0.217"),
    Published("efficientnet_b0", gated.efficientnet_b0, 5_288_548, "0.386"),
    Published("swin_t", patches.SwinT, 28_288_354, "4.491"),
    Published("convnext_tiny", patches.ConvNextTiny, 28_589_128, "4.456"),
]
SAMPLE_GMACS = {
    "resnet18": "1.814",
    "resnet34": "3.664",
    "resnet50": "4.089",
    "resnet101": "7.801",
    "resnet152": "11.514",
    "MobileNetV2": "0.301",
    "VisionTransformer": "17.564",
}


@pytest.mark.parametrize("network", IMAGE_NETWORKS, ids=lambda network: network.name)
def test_image_networks_have_their_published_numbers(network: Published) -> None:
    totals = _report(network.build, torch.empty(IMAGE, device="meta")).totals
    assert totals.params == totals.trainable_params == network.params
    assert totals.macs_status == "exact"
    assert f"{(totals.macs or 0) / 1e9:.3f}" == network.gmacs


@pytest.mark.parametrize("sample", PUBLISHED_SAMPLES, ids=lambda sample: sample.name)
def test_sample_models_have_their_published_numbers(sample: Sample) -> None:
    totals = _report(sample.build, torch.empty(IMAGE, device="meta")).totals
    assert (totals.params, totals.macs, totals.macs_status) == (sample.params, sample.macs, "exact")
    assert f"{sample.macs / 1e9:.3f}" == SAMPLE_GMACS[sample.name]


def test_gpt2_has_its_published_numbers() -> None:
    report = _report(language.Gpt2, torch.empty(1, 1024, dtype=torch.long, device="meta"))
    # Karpathy's nanoGPT counts 291,648,307,200 FLOPs for a forward of 1024 words, the tied output layer included.
    assert report.totals.params == 124_439_808
    assert (report.totals.flops, report.totals.macs_status) == (291_648_307_200, "exact")
    head = next(layer for layer in report.layers if layer.path == "lm_head")
    assert (head.params, head.shared_with, head.macs) == (0, "wte", 1024 * 768 * 50_257)


def test_bert_has_its_published_parameters_and_the_encoders_arithmetic() -> None:
    words, width = 128, 768
    report = _report(language.BertBase, torch.empty(1, words, dtype=torch.long, device="meta"))
    layer = words * (4 * width * width + 2 * width * 4 * width) + 2 * words * words * width
    assert report.totals.params == 109_482_240
    assert (report.totals.macs, report.totals.macs_status) == (12 * layer + width * width, "exact")


def _report(build: Callable[[], nn.Module], x: torch.Tensor) -> convinspect.Report:
    with torch.device("meta"):
        model = build()
    return convinspect.inspect(model, (x,), optimizer=None)
