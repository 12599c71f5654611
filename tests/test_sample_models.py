"""The sample models are what their docstrings say: parameters, shapes, work, fields, and where they run."""

import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

pytestmark = pytest.mark.usefixtures("plain_attention")
FOLDER = Path(__file__).parent.parent / "sample_models"
WAYS = ("script", "trace", "export")


@dataclass(frozen=True, slots=True)
class Sample:
    """A model, what it takes, and what is known about it without running it.

    ``inputs`` are shapes with the batch; "ids" in front of one asks for words of a thousand, "mask" for booleans.
    """

    file: str
    name: str
    inputs: tuple[tuple[Any, ...], ...]
    params: int
    outputs: tuple[tuple[int, ...], ...]
    macs: int
    args: dict[str, Any] = field(default_factory=dict)
    ways: tuple[str, ...] = WAYS

    def __str__(self) -> str:
        args = ",".join(f"{key}={value}" for key, value in self.args.items())
        shapes = ";".join("x".join(map(str, shape)) for shape in self.inputs)
        return f"{self.file}:{self.name}({args}) {shapes}"

    def build(self) -> nn.Module:
        model: nn.Module = getattr(_import(self.file), self.name)(**self.args)
        return model


IMAGE = ((2, 3, 32, 32),)
SIX = {1: ((2, 6, 32),), 2: ((2, 6, 32, 32),), 3: ((1, 6, 8, 32, 32),)}
CONVOLUTION = "conv_arithmetic.py"


def _convolution(name: str, params: int, output: tuple[int, ...], macs_per_output: int, dims: int = 2) -> Sample:
    """Return the row of one factory; its MACs are outputs times the taps that each one reads."""
    shape = (SIX[dims][0][0], *output)
    macs = torch.Size(shape).numel() * macs_per_output
    return Sample(CONVOLUTION, name, SIX[dims], params, (shape,), macs, {"dims": dims})


CONVOLUTIONS = [
    _convolution("plain", 12 * 6 * 3 + 12, (12, 30), 6 * 3, dims=1),
    _convolution("plain", 12 * 6 * 9 + 12, (12, 30, 30), 6 * 9),
    _convolution("plain", 12 * 6 * 27 + 12, (12, 6, 30, 30), 6 * 27, dims=3),
    _convolution("kernel_tuple", 12 * 6 * 3 + 12, (12, 30), 6 * 3, dims=1),
    _convolution("kernel_tuple", 12 * 6 * 3 * 5 + 12, (12, 30, 28), 6 * 3 * 5),
    _convolution("kernel_tuple", 12 * 6 * 3 * 5 * 7 + 12, (12, 6, 28, 26), 6 * 3 * 5 * 7, dims=3),
    _convolution("stride", 12 * 6 * 9 + 12, (12, 15, 15), 6 * 9),
    _convolution("stride_tuple", 12 * 6 * 9 + 12, (12, 30, 15), 6 * 9),
    _convolution("stride_tuple", 12 * 6 * 27 + 12, (12, 6, 15, 10), 6 * 27, dims=3),
    _convolution("padding", 12 * 6 * 9 + 12, (12, 32, 32), 6 * 9),
    _convolution("padding_tuple", 12 * 6 * 9 + 12, (12, 30, 32), 6 * 9),
    _convolution("padding_tuple", 12 * 6 * 27 + 12, (12, 6, 32, 34), 6 * 27, dims=3),
    _convolution("padding_same", 12 * 6 * 25 + 12, (12, 32, 32), 6 * 25),
    _convolution("padding_reflect", 12 * 6 * 9 + 12, (12, 32, 32), 6 * 9),
    _convolution("padding_replicate", 12 * 6 * 9 + 12, (12, 32, 32), 6 * 9),
    _convolution("padding_circular", 12 * 6 * 9 + 12, (12, 32, 32), 6 * 9),
    _convolution("dilation", 12 * 6 * 9 + 12, (12, 28, 28), 6 * 9),
    _convolution("dilation_tuple", 12 * 6 * 9 + 12, (12, 30, 28), 6 * 9),
    _convolution("dilation_tuple", 12 * 6 * 27 + 12, (12, 6, 28, 26), 6 * 27, dims=3),
    _convolution("no_bias", 12 * 6 * 9, (12, 30, 30), 6 * 9),
    _convolution("groups_1", 36, (6, 32), 6, dims=1),
    _convolution("groups_1", 36, (6, 32, 32), 6),
    _convolution("groups_2", 18, (6, 32, 32), 3),
    _convolution("groups_3", 12, (6, 32, 32), 2),
    _convolution("groups_3", 12, (6, 8, 32, 32), 2, dims=3),
    _convolution("depthwise", 6 * 9 + 6, (6, 30, 30), 9),
    _convolution("depthwise_multiplier", 12 * 9 + 12, (12, 30, 30), 9),
    Sample(CONVOLUTION, "video", ((1, 3, 7, 60, 40),), 2_945, ((1, 5, 4, 54, 34),), 21_591_360),
]

# Published: torchvision's model pages.
PUBLISHED = [
    Sample("resnet.py", "resnet18", ((1, 3, 224, 224),), 11_689_512, ((1, 1000),), 1_814_073_344),
    Sample("resnet.py", "resnet34", ((1, 3, 224, 224),), 21_797_672, ((1, 1000),), 3_663_761_408),
    Sample("resnet.py", "resnet50", ((1, 3, 224, 224),), 25_557_032, ((1, 1000),), 4_089_184_256),
    Sample("resnet.py", "resnet101", ((1, 3, 224, 224),), 44_549_160, ((1, 1000),), 7_801_405_440),
    Sample("resnet.py", "resnet152", ((1, 3, 224, 224),), 60_192_808, ((1, 1000),), 11_513_626_624),
    Sample("mobilenet.py", "MobileNetV2", ((1, 3, 224, 224),), 3_504_872, ((1, 1000),), 300_774_272),
    Sample("vit.py", "VisionTransformer", ((1, 3, 224, 224),), 86_567_656, ((1, 1000),), 17_563_828_224),
]

LAYER_PARAMS = 3 * 64 * 64 + 3 * 64 + 64 * 64 + 64 + 64 * 128 + 128 + 128 * 64 + 64 + 2 * (64 + 64)
TEXT_PARAMS = 1000 * 64 + 128 * 64 + 2 * LAYER_PARAMS + (64 + 64) + (64 * 2 + 2)
TEXT_MACS = 2 * 2 * (64 * (3 + 1 + 2 + 2) * 64 * 64 + 2 * 64 * 64 * 64) + 2 * 64 * 2
DYNAMIC_1 = 4 * (16 * 8 * 9 + 16) + (8 * 4 + 4) + (4 * 4 + 4)
DYNAMIC_2 = 4 * (32 * 16 * 9 + 32) + (16 * 4 + 4) + (4 * 4 + 4)
DYNAMIC_MACS_1 = 48 + 4 * 16 * 8 * 9 + 4 * 16 + 16 * 1024 * 8 * 9
DYNAMIC_MACS_2 = 80 + 4 * 32 * 16 * 9 + 4 * 32 + 32 * 256 * 16 * 9


def _at_64(macs_at_224: int, classifier: int, new_classifier: int | None = None) -> int:
    """Return the MACs at 64: every map is 2/7 as high and as wide, and the classifier costs the same."""
    return (macs_at_224 - classifier) * 4 // 49 + (new_classifier or classifier)


def _unet_params(depth: int, width: int = 8) -> int:
    total, channels = 0, 3
    for level in range(depth + 1):
        wide = width * 2**level
        total += wide * channels * 9 + wide + wide * wide * 9 + wide
        channels = wide
    for level in range(depth):
        wide = width * 2**level
        up = 2 * wide * wide * 4 + wide
        total += up + wide * 2 * wide * 9 + wide + wide * wide * 9 + wide
    return total + 2 * width + 2


def _unet_macs(depth: int, pixels: int, width: int = 8) -> int:
    total, channels = 0, 3
    for level in range(depth + 1):
        wide = width * 2**level
        total += (pixels >> 2 * level) * 9 * (wide * channels + wide * wide)
        channels = wide
    for level in range(depth):
        wide = width * 2**level
        total += (pixels >> 2 * level) * (2 * wide * wide + 9 * (2 * wide * wide + wide * wide))
    return total + pixels * 2 * width


SMALL = [
    Sample("lenet.py", "LeNet", ((2, 1, 28, 28),), 21_840, ((2, 10),), 2 * 480_500),
    Sample("resnet.py", "resnet18", ((2, 3, 64, 64),), 11_689_512, ((2, 1000),), 2 * _at_64(1_814_073_344, 512_000)),
    Sample(
        "resnet.py",
        "resnet50",
        ((2, 3, 64, 64),),
        23_528_522,
        ((2, 10),),
        2 * _at_64(4_089_184_256, 2_048_000, 20_480),
        {"num_classes": 10},
    ),
    Sample(
        "cnn3d.py",
        "Cnn3d",
        ((2, 3, 8, 32, 32),),
        1_312 + 3_480 + 2_336 + 55_360 + 650,
        ((2, 10),),
        2 * (8192 * 16 * 3 * 27 + 2048 * (24 * 16 * 9 + 32 * 24 * 3) + 256 * 64 * 32 * 27 + 640),
    ),
    Sample("dilated.py", "ContextModule", ((1, 3, 64, 64),), 600, ((1, 3, 64, 64),), 4096 * (7 * 81 + 9)),
    Sample(
        "dilated.py",
        "CausalStack",
        ((1, 8, 100),),
        4 * (8 * 8 * 2 + 8),
        ((1, 8, 100),),
        4 * 100 * 8 * 8 * 2,
        {"kernel_size": 2, "dilations": (1, 2, 4, 8)},
    ),
    Sample(
        "dynamic_conv.py",
        "DynamicNet",
        ((4, 3, 32, 32),),
        (8 * 27 + 8) + DYNAMIC_1 + DYNAMIC_2 + 330,
        ((4, 10),),
        4 * (1024 * 8 * 27 + DYNAMIC_MACS_1 + DYNAMIC_MACS_2 + 320),
    ),
    Sample("inplace.py", "InPlace", IMAGE, 5_418, ((2, 10),), 2 * (1024 * 16 * 27 + 256 * 32 * 144 + 320)),
    Sample("inplace.py", "OutOfPlace", IMAGE, 5_418, ((2, 10),), 2 * (1024 * 16 * 27 + 256 * 32 * 144 + 320)),
    Sample(
        "mobilenet.py",
        "MobileNetV2",
        ((2, 3, 64, 64),),
        2_236_682,
        ((2, 10),),
        2 * _at_64(300_774_272, 1_280_000, 12_800),
        {"num_classes": 10},
    ),
    Sample(
        "norms.py",
        "Norms",
        ((2, 3, 16, 16),),
        216 + 3 * 576 + 4 * 16,
        ((2, 8, 16, 16),),
        2 * 497_664,
        ways=("trace", "export"),
    ),
    Sample(
        "recurrent.py",
        "Recurrent",
        ((2, 50, 40),),
        2 * (9_472 + 12_544) + 2 * 6_480 + 490 + 490,
        ((2, 50, 10), (2, 10)),
        2 * (2_150_400 + 633_600 + 50 * 480 + 480),
    ),
    Sample(
        "recurrent.py",
        "Recurrent",
        ((2, 50, 40),),
        2 * (7_936 + 6_912) + 2 * 4_176 + 490 + 490,
        ((2, 50, 10), (2, 10)),
        2 * (50 * (29_696 - 4 * 256) + 50 * (8_352 - 2 * 144) + 50 * 480 + 480),
        {"proj_size": 16},
    ),
    Sample(
        "same_padding.py",
        "SamePadding",
        IMAGE,
        (8 * 27 + 8) + (8 * 72 + 8) + (8 * 72 + 8) + (3 * 8 * 16 + 3),
        ((2, 3, 32, 32),),
        2 * (256 * 8 * 27 + 256 * 8 * 72 + 64 * 8 * 72 + 256 * 8 * 48),
    ),
    Sample(
        "shared_weights.py",
        "SharedWeights",
        (("ids", 1, 16),),
        32_000 + 4_256 + 1_000,
        ((1, 16, 1000),),
        2 * 65_536 + 512_000,
    ),
    Sample("transformer.py", "TextClassifier", (("ids", 2, 64),), TEXT_PARAMS, ((2, 2),), TEXT_MACS),
    Sample("transformer.py", "TextClassifier", (("ids", 2, 64), ("mask", 2, 64)), TEXT_PARAMS, ((2, 2),), TEXT_MACS),
    Sample("two_inputs.py", "TwoInputs", IMAGE, 741, ((2, 16), (2, 5)), 2 * (110_592 + 80)),
    Sample("two_inputs.py", "TwoInputs", (*IMAGE, (2, 12)), 741, ((2, 16), (2, 5)), 2 * (110_592 + 192 + 80)),
    *(
        Sample(
            "unet.py",
            "UNet",
            ((1, 3, 64, 64),),
            _unet_params(depth),
            ((1, 2, 64, 64),),
            _unet_macs(depth, 64 * 64),
            {"depth": depth},
        )
        for depth in (1, 2, 3, 4)
    ),
    Sample(
        "vit.py",
        "VisionTransformer",
        ((1, 3, 32, 32),),
        3 * 64 * 64 + 64 + 64 + 17 * 64 + 2 * (12 * 64 * 64 + 13 * 64) + 2 * 64 + 64 * 10 + 10,
        ((1, 10),),
        16 * 64 * 192 + 2 * (17 * 12 * 64 * 64 + 2 * 17 * 17 * 64) + 640,
        {"image_size": 32, "patch_size": 8, "num_classes": 10, "width": 64, "heads": 4, "layers": 2},
    ),
]

EVERY_CONVOLUTION = [
    ("Convolutions1d", SIX[1]),
    ("Convolutions2d", SIX[2]),
    ("Convolutions3d", SIX[3]),
]


@pytest.mark.parametrize("sample", [*CONVOLUTIONS, *PUBLISHED, *SMALL], ids=str)
def test_parameters_work_and_shapes_are_the_hand_derived_ones_on_meta(sample: Sample) -> None:
    with torch.device("meta"):
        model = sample.build().eval()
        inputs = _inputs(sample.inputs)
    with FlopCounterMode(display=False) as counter:
        outputs = model(*inputs)
    assert sum(p.numel() for p in model.parameters()) == sample.params
    assert _shapes(outputs) == sample.outputs
    assert counter.get_total_flops() == 2 * sample.macs


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("sample", [*CONVOLUTIONS, *SMALL], ids=str)
def test_cpu_gives_the_same_shapes(sample: Sample, *, training: bool) -> None:
    model = sample.build().train(training)
    with _quiet():
        outputs = model(*_inputs(sample.inputs))
    assert _shapes(outputs) == sample.outputs
    assert all(output.isfinite().all() for output in _flat(outputs))


@pytest.mark.parametrize("sample", SMALL, ids=str)
def test_training_reaches_every_parameter_that_ran(sample: Sample) -> None:
    model = sample.build().train()
    sum(output.sum() for output in _flat(model(*_inputs(sample.inputs)))).backward()
    unreached = {name.partition(".")[0] for name, p in model.named_parameters() if p.grad is None}
    without_table = sample.file == "two_inputs.py" and len(sample.inputs) == 1
    assert unreached == ({"table_encoder"} if without_table else set())


@pytest.mark.parametrize(
    ("sample", "way"),
    [pytest.param(sample, way, id=f"{sample}-{way}") for sample in SMALL for way in sample.ways],
)
def test_scripted_traced_and_exported_models_compute_the_same(sample: Sample, way: str) -> None:
    model = sample.build().eval()
    inputs = _inputs(sample.inputs)
    with torch.no_grad(), _quiet():
        twin = _convert(model, inputs, way)
        for ours, theirs in zip(_flat(model(*inputs)), _flat(twin(*inputs)), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "inputs"), EVERY_CONVOLUTION)
def test_all_convolutions_run_side_by_side(name: str, inputs: tuple[tuple[int, ...], ...], way: str) -> None:
    module = _import(CONVOLUTION)
    model = getattr(module, name)().eval()
    x = _inputs(inputs)
    outputs = model(*x)
    dims = len(inputs[0]) - 2
    alone = [f for f in vars(module).values() if inspect.isfunction(f) and "dims" in inspect.signature(f).parameters]
    assert list(outputs) == [f.__name__ for f in alone if not f.__name__.startswith("_")]
    assert all(outputs[case.name].shape == case.outputs[0] for case in CONVOLUTIONS if case.args.get("dims") == dims)
    with _quiet():
        twin = _convert(model, x, way)
        for key, output in twin(*x).items():
            torch.testing.assert_close(output, outputs[key])


def test_syncbatchnorm_does_not_script() -> None:
    with _quiet(), pytest.raises(RuntimeError, match="SyncBatchNorm"):
        torch.jit.script(_import("norms.py").Norms())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_a_file_offers_one_model_or_says_which(path: Path) -> None:
    by_name = {
        "conv_arithmetic.py": ["Convolutions1d", "Convolutions2d", "Convolutions3d"],
        "inplace.py": ["InPlace", "OutOfPlace"],
        "resnet.py": [],
    }
    module = _import(path.name)
    bare = [c.__name__ for c in vars(module).values() if inspect.isclass(c) and _stands_alone(c, module)]
    assert module.__doc__ is not None
    if path.name in by_name:
        assert bare == by_name[path.name]
        assert f"convinspect summary sample_models/{path.name}:" in module.__doc__
    else:
        assert len(bare) == 1
        assert f"convinspect summary sample_models/{path.name} " in module.__doc__
    assert path.name in {case.file for case in [*CONVOLUTIONS, *PUBLISHED, *SMALL]}


@given(n=st.integers(1, 40), kernel=st.integers(1, 5), stride=st.integers(1, 4), dilation=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_same_padding_gives_ceil_n_over_stride_outputs(n: int, kernel: int, stride: int, dilation: int) -> None:
    module = _import("same_padding.py")
    x = torch.randn(1, 2, n, n + 3)
    rows, columns = -(-n // stride), -(-(n + 3) // stride)
    conv = module.SameConv2d(2, 3, kernel, stride=stride, dilation=dilation)
    pool = module.SameMaxPool2d(kernel, stride=stride, dilation=dilation)
    back = module.SameConvTranspose2d(2, 3, kernel, stride=stride, dilation=dilation)
    assert conv(x).shape == (1, 3, rows, columns)
    assert pool(x).shape == (1, 2, rows, columns)
    assert back(x).shape == (1, 3, n * stride, (n + 3) * stride)


def test_same_padding_puts_the_odd_zero_after_as_tensorflow_does() -> None:
    conv = _import("same_padding.py").SameConv2d(1, 1, 3, stride=2)
    nn.init.ones_(conv.conv.weight)
    nn.init.zeros_(conv.conv.bias)
    x = torch.tensor([[1.0, 2, 3, 4]]).expand(1, 1, 1, 4)
    # tf.nn.conv1d([1, 2, 3, 4], ones(3), stride=2, padding="SAME") is [1 + 2 + 3, 3 + 4 + 0].
    assert conv(x).flatten().tolist() == [6, 7]
    assert conv(x[..., :3]).flatten().tolist() == [1 + 2, 2 + 3]


@given(n=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 4), dilation=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_transposed_same_is_the_adjoint_of_same(n: int, kernel: int, stride: int, dilation: int) -> None:
    module = _import("same_padding.py")
    conv = module.SameConv2d(2, 3, kernel, stride=stride, dilation=dilation).double()
    back = module.SameConvTranspose2d(3, 2, kernel, stride=stride, dilation=dilation).double()
    back.conv.weight = conv.conv.weight
    nn.init.zeros_(conv.conv.bias)
    nn.init.zeros_(back.conv.bias)
    x = torch.randn(1, 2, n * stride, n * stride, dtype=torch.float64)
    y = torch.randn(1, 3, n, n, dtype=torch.float64)
    torch.testing.assert_close((conv(x) * y).sum(), (x * back(y)).sum())


def test_a_dynamic_convolution_is_one_convolution_for_each_sample() -> None:
    layer = _import("dynamic_conv.py").DynamicConv2d(4, 6, 3).double()
    nn.init.normal_(layer.bias)
    nn.init.normal_(layer.attention.fc2.weight, std=30.0)
    x = torch.randn(3, 4, 8, 8, dtype=torch.float64)
    shares = layer.attention(x)
    for sample in range(3):
        kernel = torch.einsum("k,koihw->oihw", shares[sample], layer.weight)
        expected = nn.functional.conv2d(x[sample], kernel, shares[sample] @ layer.bias, padding=1)
        torch.testing.assert_close(layer(x)[sample], expected)


def test_in_place_relu_writes_over_its_input_and_changes_no_number() -> None:
    module = _import("inplace.py")
    inplace, plain = module.InPlace().eval(), module.OutOfPlace().eval()
    plain.load_state_dict(inplace.state_dict())
    x = torch.randn(2, 3, 32, 32)
    untouched = x.clone()
    assert torch.equal(inplace(x), plain(x))
    assert torch.equal(x, untouched)
    y = torch.randn(4)
    assert inplace.relu1(y).data_ptr() == y.data_ptr()
    assert plain.relu1(y).data_ptr() != y.data_ptr()


def test_shared_weights_are_one_tensor_and_one_block() -> None:
    model = _import("shared_weights.py").SharedWeights()
    assert model.decoder.weight is model.embedding.weight
    assert model.blocks[0] is model.blocks[1]
    assert sum(p.numel() for m in model.modules() for p in m.parameters(recurse=False)) == 32_000 + 4_256 + 33_000


def test_padding_hides_tokens_from_attention() -> None:
    model = _import("transformer.py").TextClassifier().eval()
    ids = torch.randint(1000, (1, 6))
    padding = torch.tensor([[False] * 4 + [True] * 2])
    assert not torch.allclose(model(ids), model(ids, padding))


@pytest.mark.parametrize(
    ("file", "shape", "axis", "stage", "sizes"),
    [
        ("lenet.py", (1, 28, 28), 0, lambda m, x: m.conv1(x), {5}),
        ("lenet.py", (1, 28, 28), 0, lambda m, x: m.conv2(nn.functional.max_pool2d(m.conv1(x), 2)), {14}),
        ("dilated.py", (3, 96, 2), 0, lambda m, x: m(x), {67}),
        ("cnn3d.py", (3, 16, 8, 8), 0, lambda m, x: m.conv3(_until_pool2(m, x)), {10}),
        ("cnn3d.py", (3, 4, 32, 8), 1, lambda m, x: m.conv3(_until_pool2(m, x)), {18}),
        ("norms.py", (3, 16, 4), 0, lambda m, x: m.conv3(m.conv2(m.conv1(x))), {7}),
        ("norms.py", (3, 16, 4), 0, lambda m, x: m(x), {16}),
        ("unet.py", (3, 160, 8), 0, lambda m, x: m(x), {92, 100}),
    ],
)
def test_fields_are_as_taught(
    file: str,
    shape: tuple[int, ...],
    axis: int,
    stage: Callable[[nn.Module, Tensor], Tensor],
    sizes: set[int],
) -> None:
    (bare,) = [c for c in vars(_import(file)).values() if inspect.isclass(c) and _stands_alone(c, _import(file))]
    assert _field_sizes(bare().double().eval(), shape, axis, stage) == sizes


def _until_pool2(model: Any, x: Tensor) -> Tensor:
    result: Tensor = model.pool2(model.time2(model.space2(model.pool1(model.conv1(x)))))
    return result


def _field_sizes(
    model: nn.Module, shape: tuple[int, ...], axis: int, stage: Callable[[nn.Module, Tensor], Tensor]
) -> set[int]:
    """Return how far apart the outermost inputs of one output are, over the outputs in the middle of the axis.

    Sample i has NaN at index i of the axis; NaN survives every weight and every maximum, so what is NaN depends on it.
    """
    n = shape[axis + 1]
    x = torch.zeros(n, *shape, dtype=torch.float64)
    x.movedim(axis + 2, 1)[torch.arange(n), torch.arange(n)] = torch.nan
    with torch.no_grad():
        y = stage(model, x).isnan().movedim(axis + 2, 1).flatten(2).any(dim=2)
    middle = y.size(1) // 2
    columns = y[:, max(middle - 4, 0) : middle + 4].unbind(1)
    hulls = [column.nonzero().flatten() for column in columns]
    full = [int(hull[-1] - hull[0]) + 1 for hull in hulls if hull[0] > 0 and hull[-1] < n - 1]
    return set(full) or {n}


@cache
def _import(file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"sample_models_{Path(file).stem}", FOLDER / file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    # TorchScript looks a class's file up by the name of its module.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _stands_alone(candidate: type, module: ModuleType) -> bool:
    if not issubclass(candidate, nn.Module) or candidate.__module__ != module.__name__:
        return False
    parameters = inspect.signature(candidate).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _inputs(shapes: tuple[tuple[Any, ...], ...]) -> tuple[Tensor, ...]:
    return tuple(_input(shape) for shape in shapes)


def _input(shape: tuple[Any, ...]) -> Tensor:
    if shape[0] == "mask":
        return torch.zeros(shape[1:], dtype=torch.bool)
    if shape[0] == "ids":
        return torch.randint(1000, shape[1:])
    return torch.randn(shape)


def _flat(outputs: Any) -> list[Tensor]:
    if isinstance(outputs, Tensor):
        return [outputs]
    return list(outputs.values() if isinstance(outputs, dict) else outputs)


def _shapes(outputs: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(output.shape) for output in _flat(outputs))


def _convert(model: nn.Module, inputs: tuple[Tensor, ...], way: str) -> Any:
    if way == "script":
        return torch.jit.script(model)
    if way == "trace":
        return torch.jit.trace(model, inputs, strict=False)
    return torch.export.export(model, inputs).module()


@contextmanager
def _quiet() -> Iterator[None]:
    """Let torch say what no model here can change: TorchScript's end, shapes that a trace fixes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", r"The tensor attributes self\.\w+\._flat_weights", UserWarning)
        yield
