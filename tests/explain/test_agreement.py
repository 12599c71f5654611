"""Every figure is computed twice, by its formula and by the run: they agree for every layer there is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from convinspect.explain import Step
from tests.explain.reports import everything, report_of
from tests.test_oracles import NETWORKS, ONE_A_FILE
from tests.test_sample_models import CONVOLUTIONS, SMALL, Sample, _inputs

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


@pytest.mark.parametrize("sample", ONE_A_FILE, ids=str)
def test_formula_and_run_agree_for_every_row_of_a_sample_model(sample: Sample) -> None:
    steps = _steps(sample)
    assert [(row, step) for row, step in steps if not step.agrees] == []
    told = {step.topic for _, step in steps if step.value is not None and step.traced is not None}
    assert {"output", "parameters", "MACs"} <= told


@pytest.mark.heavy
@pytest.mark.parametrize("sample", [*SMALL, *CONVOLUTIONS], ids=str)
def test_formula_and_run_agree_for_every_size_of_a_sample_model(sample: Sample) -> None:
    assert [(row, step) for row, step in _steps(sample) if not step.agrees] == []


def _steps(sample: Sample) -> list[tuple[str, Step]]:
    with torch.device("meta"):
        model, inputs = sample.build().eval(), _inputs(sample.inputs)
    # A training step of a recurrent network takes seconds.
    optimizer = None if "recurrent" in sample.file else "sgd"
    return list(everything(report_of(model, *inputs, optimizer=optimizer)))


@pytest.mark.heavy
@pytest.mark.parametrize("name", NETWORKS)
def test_formula_and_run_agree_for_every_row_of_a_published_network(name: str) -> None:
    build, shape = NETWORKS[name]
    with torch.device("meta"):
        x = torch.zeros(shape[1:], dtype=torch.long) if shape[0] == "ids" else torch.zeros(shape)
        model = build().eval()
    steps = everything(report_of(model, x, optimizer="adamw"))
    assert [(row, step) for row, step in steps if not step.agrees] == []


small = st.integers(1, 3)


@st.composite
def convolutions(draw: st.DrawFn, channels: int) -> nn.Module:
    axes, groups = 2, draw(st.sampled_from([1, 2]))
    kernel, stride = draw(st.tuples(st.integers(1, 5), small)), draw(st.tuples(small, small))
    dilation, padding = draw(st.tuples(small, small)), draw(st.tuples(*[st.integers(0, 4)] * axes))
    bias = draw(st.booleans())
    if draw(st.booleans()):
        extra = tuple(draw(st.integers(0, s - 1)) for s in stride)
        return nn.ConvTranspose2d(channels, 4, kernel, stride, padding, extra, groups, bias)
    mode = draw(st.sampled_from(["zeros", "zeros", "reflect", "circular", "replicate"]))
    if mode == "zeros" and draw(st.booleans()):
        return nn.Conv2d(channels, 4, kernel, padding="same", dilation=dilation, groups=groups, bias=bias)
    return nn.Conv2d(channels, 4, kernel, stride, padding, dilation, groups, bias, mode)


@st.composite
def pools(draw: st.DrawFn) -> nn.Module:
    kernel, stride = draw(st.integers(1, 4)), draw(small)
    padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
    return draw(
        st.sampled_from(
            [
                nn.MaxPool2d(kernel, stride, padding, draw(small), ceil_mode=ceil),
                nn.AvgPool2d(kernel, stride, padding, ceil),
                nn.AdaptiveAvgPool2d(draw(small)),
                nn.AdaptiveMaxPool2d((draw(small), None)),
                nn.LPPool2d(2, kernel, stride),
            ]
        )
    )


@st.composite
def others(draw: st.DrawFn, channels: int) -> nn.Module:
    left = draw(st.integers(0, 2))
    return draw(
        st.sampled_from(
            [
                nn.ReLU(draw(st.booleans())),
                nn.Sigmoid(),
                nn.GELU(),
                nn.BatchNorm2d(channels, affine=draw(st.booleans())),
                nn.GroupNorm(2, channels),
                nn.InstanceNorm2d(channels, affine=True),
                nn.Dropout(),
                nn.ZeroPad2d((left, draw(small), draw(small), left)),
                nn.ReflectionPad2d(1),
                nn.Upsample(scale_factor=draw(st.sampled_from([1.5, 2, 3]))),
                nn.Upsample(size=(9, 7), mode="bilinear"),
            ]
        )
    )


@st.composite
def networks(draw: st.DrawFn) -> nn.Sequential:
    channels, layers = 2, []
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(convolutions(channels) | pools() | others(channels))
        channels = getattr(layer, "out_channels", channels)
        layers.append(layer)
    return nn.Sequential(*layers)


def _runs(model: nn.Module, x: torch.Tensor) -> bool:
    try:
        model(x)
    except (RuntimeError, ValueError):  # a kernel larger than what is left, a padding larger than its input
        return False
    return True


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.integers(8, 21), st.integers(8, 21))
def test_formula_and_run_agree_for_random_layers(model: nn.Sequential, height: int, width: int) -> None:
    model.to("meta").eval()
    x = torch.zeros(1, 2, height, width, device="meta")
    if _runs(model, x):
        steps = everything(report_of(model, x, optimizer="sgd"))
        assert [(row, step) for row, step in steps if not step.agrees] == []


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]),
    st.integers(1, 5),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_formula_and_run_agree_for_recurrent_layers(
    kind: type[nn.RNNBase],
    hidden: int,
    layers: int,
    bias: bool,  # noqa: FBT001
    both: bool,  # noqa: FBT001
    projected: bool,  # noqa: FBT001
) -> None:
    more = {"proj_size": 2} if projected and kind is nn.LSTM and hidden > 2 else {}
    model = kind(3, hidden, layers, bias=bias, batch_first=True, bidirectional=both, **more)  # type: ignore[arg-type]
    steps = list(everything(report_of(model, torch.zeros(2, 4, 3))))
    assert [(row, step) for row, step in steps if not step.agrees] == []
    assert any(step.topic == "MACs" and step.value == step.traced for _, step in steps)
