"""Reports built by hand, small enough to check by eye."""

from __future__ import annotations

from dataclasses import replace

from convinspect.records import GlobalOperator, Interval, Jump, LocalField, Note, Peak, ReceptiveField, TensorRecord
from convinspect.report import (
    Layer,
    LayerMemory,
    MacsStatus,
    Model,
    Report,
    Run,
    Shape,
    Tensor,
    Tool,
    TotalMemory,
    Totals,
    TrainingMemory,
    Uncounted,
)

Dims = tuple[int, ...]


def numel(dims: Dims) -> int:
    """Return how many elements ``dims`` hold."""
    total = 1
    for size in dims:
        total *= size
    return total


def fact(dims: Dims, dtype: str = "float32") -> TensorRecord:
    return TensorRecord(dims, dtype, 4 * numel(dims))


def square(size: int, jump: Jump, start: int, *, size_min: int | None = None, extent: int = 28) -> ReceptiveField:
    """Return an exact field that is the same along both axes of an image of ``extent`` pixels."""
    centre: Interval = (max(0, extent // 2 + start), min(extent - 1, extent // 2 + start + size - 1))
    return ReceptiveField(
        input="x",
        axes=(2, 3),
        size=(size, size),
        size_min=(size_min or size,) * 2,
        jump=(jump, jump),
        start=(start, start),
        center=(centre, centre),
        coverage=((centre[1] - centre[0] + 1) / extent,) * 2,
        local=None,
        global_via=None,
        aligned=True,
        status="exact",
        halo=(_halo(size, jump, start),) * 2,
    )


def _halo(size: int, jump: Jump, start: int) -> Interval:
    """Return what a window reaches beyond its own cell."""
    return max(0, -start), max(0, start + size - int(jump))


def everything(via: tuple[str, str] | None = None, local: int | None = None, extent: int = 28) -> ReceptiveField:
    """Return the field of a unit that sees the whole image, with the local one beside it if given."""
    whole: Interval = (0, extent - 1)
    near = None
    if local:
        halo = (_halo(local, 32, -425),) * 2
        near = LocalField((local,) * 2, (local,) * 2, (32, 32), (-425, -425), (whole, whole), halo)
    return ReceptiveField(
        input="x",
        axes=(2, 3),
        size=None,
        size_min=None,
        jump=None,
        start=None,
        center=(whole, whole),
        coverage=(1.0, 1.0),
        local=near,
        global_via=GlobalOperator(*via) if via else None,
        aligned=True,
        status="global" if via else "exact",
    )


def flattened(size: int, extent: int = 28) -> ReceptiveField:
    """Return the field of a row without spatial axes of its own, whose centre unit sees ``size`` pixels."""
    seen: Interval = (extent - size, extent - 1)
    return replace(everything(extent=extent), center=(seen, seen), coverage=(size / extent,) * 2)


def layer(  # noqa: PLR0913
    path: str,
    kind: str,
    depth: int,
    shape: Dims | tuple[Dims, ...] | None,
    *,
    taken: Dims | tuple[Dims, ...] | None = None,
    params: int = 0,
    frozen: int = 0,
    buffers: int = 0,
    macs: int | None = 0,
    call: int = 1,
    shared: str | None = None,
    field: ReceptiveField | None = None,
    allocated: int | None = None,
    function: bool = False,
) -> Layer:
    """Return one row; its totals are its own numbers until `report` adds up what is below."""
    outputs = many(shape)
    return Layer(
        path=path,
        call=call,
        kind="function" if function else "module",
        type=kind,
        depth=depth,
        leaf=True,
        inputs=tuple(Shape(dims, "float32") for dims in many(taken)),
        outputs=tuple(fact(dims) for dims in outputs),
        params=params,
        trainable_params=params - frozen,
        buffers=buffers,
        param_bytes=4 * params,
        buffer_bytes=4 * buffers,
        params_total=params,
        shared_with=shared,
        macs=macs,
        macs_total=macs,
        macs_status="unknown" if macs is None else "exact",
        memory=LayerMemory(allocated, None),
        receptive_field=field,
    )


def many(shape: Dims | tuple[Dims, ...] | None) -> tuple[Dims, ...]:
    if shape is None:
        return ()
    if shape and isinstance(shape[0], tuple):
        return shape  # type: ignore[return-value]
    return (shape,)  # type: ignore[return-value]


def function(path: str, name: str, depth: int, shape: Dims, taken: Dims | tuple[Dims, ...], **more: object) -> Layer:
    return layer(path, name, depth, shape, taken=taken, function=True, **more)  # type: ignore[arg-type]


def report(
    name: str,
    layers: tuple[Layer, ...],
    *,
    inputs: tuple[tuple[str, Dims], ...] = (("x", (1, 1, 28, 28)),),
    warnings: tuple[Note, ...] = (),
    uncounted: tuple[Uncounted, ...] = (),
    training: TrainingMemory | None = None,
    inference_peak: int | None = None,
) -> Report:
    """Return the report of ``layers`` with every total added up."""
    rows = added_up(layers)
    params = sum(row.params for row in rows)
    trainable = sum(row.trainable_params for row in rows)
    buffers = sum(row.buffers for row in rows)
    macs = sum(row.macs or 0 for row in rows)
    status: MacsStatus = "lower_bound" if uncounted else "exact"
    memory = TotalMemory(
        input_bytes=sum(4 * numel(dims) for _, dims in inputs),
        weight_bytes=4 * (params + buffers),
        inference_peak_bytes=inference_peak,
        training=training,
        measured=None,
    )
    return Report(
        tool=Tool("0.1.0", "2.13.0", "3.12.1"),
        model=Model(f"{name.lower()}.py", name, "python", "eval"),
        run=Run("cpu", "float32", 1),
        inputs=tuple(Tensor(n, dims, "float32", 4 * numel(dims)) for n, dims in inputs),
        outputs=tuple(Tensor("out", f.shape, f.dtype, f.bytes) for f in rows[0].outputs),
        layers=rows,
        totals=Totals(
            params=params,
            trainable_params=trainable,
            non_trainable_params=params - trainable,
            buffers=buffers,
            param_bytes=4 * params,
            buffer_bytes=4 * buffers,
            weight_bytes=4 * (params + buffers),
            macs=macs,
            flops=2 * macs,
            macs_status=status,
            memory=memory,
            bytes_by_dtype={"float32": 4 * (params + buffers)} if params else {},
        ),
        warnings=warnings,
        uncounted=uncounted,
    )


def added_up(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    rows: list[Layer] = []
    for i, row in enumerate(layers):
        below = [row]
        for other in layers[i + 1 :]:
            if other.depth <= row.depth:
                break
            below.append(other)
        known = [one.macs for one in below if one.macs is not None]
        rows.append(
            replace(
                row,
                leaf=len(below) == 1,
                params_total=sum(one.params for one in below),
                macs_total=sum(known) if known else None,
                macs_status="exact" if len(known) == len(below) else "lower_bound" if known else "unknown",
            )
        )
    return tuple(rows)


def lenet() -> Report:
    """Two convolutions, functional pools, a view that explains 20x4x4 to 320, two linear layers."""
    kib = 1024
    return report(
        "LeNet",
        (
            layer("", "LeNet", 0, (1, 10), taken=(1, 1, 28, 28), field=everything(), allocated=0),
            layer("conv1", "Conv2d", 1, (1, 10, 24, 24), taken=(1, 1, 28, 28), params=260, macs=144_000,
                  field=square(5, 1, 0), allocated=23_040),
            function("", "max_pool2d", 1, (1, 10, 12, 12), (1, 10, 24, 24), field=square(6, 2, 0), allocated=5_760),
            function("", "relu", 1, (1, 10, 12, 12), (1, 10, 12, 12), field=square(6, 2, 0), allocated=5_760),
            layer("conv2", "Conv2d", 1, (1, 20, 8, 8), taken=(1, 10, 12, 12), params=5_020, macs=320_000,
                  field=square(14, 2, 0), allocated=5 * kib),
            layer("conv2_drop", "Dropout2d", 1, (1, 20, 8, 8), taken=(1, 20, 8, 8), field=square(14, 2, 0),
                  allocated=0),
            function("", "max_pool2d", 1, (1, 20, 4, 4), (1, 20, 8, 8), field=square(16, 4, 0), allocated=1_280),
            function("", "view", 1, (1, 320), (1, 20, 4, 4), field=flattened(16), allocated=0),
            layer("fc1", "Linear", 1, (1, 50), taken=(1, 320), params=16_050, macs=16_000, field=everything(),
                  allocated=200),
            function("", "relu", 1, (1, 50), (1, 50), field=everything(), allocated=200),
            layer("fc2", "Linear", 1, (1, 10), taken=(1, 50), params=510, macs=500, field=everything(), allocated=40),
            function("", "log_softmax", 1, (1, 10), (1, 10), field=everything(), allocated=40),
        ),
        inference_peak=137_216,
    )  # fmt: skip


def with_peak(made: Report) -> Report:
    """Return ``made`` with two peaks of known parts."""
    forward = Peak(5_120, "forward", "", 1, "aten.relu.default", {"weights": 4_096, "activations": 1_024}, ())
    step = Peak(12_288, "step", "", 1, "aten.div.default", {"weights": 4_096, "optimizer": 8_192}, ())
    training = TrainingMemory("adamw", 4_096, 8_192, 1_024, step.bytes, None, step)
    memory = replace(made.totals.memory, inference_peak_bytes=5_120, inference_peak=forward, training=training)
    return replace(made, totals=replace(made.totals, memory=memory))


def odd() -> Report:
    """Everything that is not plain: frozen, shared, repeated and unused layers, bounds, gates, phases."""
    image = (1, 3, 224, 224)
    deep = (1, 64, 56, 56)
    gate = ("features.1.se.pool", "aten.mean.dim")
    return report(
        "Odd",
        (
            layer("", "Odd", 0, ((1, 1000), deep, (1,)), taken=image, params=768, field=everything(gate, 851, 224)),
            layer("features", "Sequential", 1, deep, taken=image, field=everything(gate, 91, 224)),
            layer("features.0", "Conv2d", 2, (1, 64, 112, 112), taken=image, params=9_408, frozen=9_408,
                  macs=118_013_952, field=square(7, 2, -3, extent=224)),
            layer("features.1", "Block", 2, deep, taken=(1, 64, 112, 112), field=everything(gate, 91, 224)),
            layer("features.1.conv", "Conv2d", 3, deep, taken=(1, 64, 112, 112), params=36_864, macs=115_605_504,
                  field=square(92, 4, -13, size_min=88, extent=224)),
            layer("features.1.se", "SqueezeExcite", 3, deep, taken=deep, params=2_080, macs=2_048,
                  field=everything(gate, 91, 224)),
            function("features.1", "fft_rfft2", 3, (1, 64, 56, 29), deep, macs=None,
                     field=replace(everything(extent=224), status="unknown")),
            layer("head", "Linear", 1, (1, 1000), taken=(1, 64), params=65_000, macs=64_000, field=everything(gate)),
            layer("head", "Linear", 1, (1, 1000), taken=(1, 64), macs=64_000, call=2, field=everything(gate)),
            layer("tied", "Linear", 1, (1, 1000), taken=(1, 64), macs=64_000, shared="head", field=everything(gate)),
            layer("auxiliary", "Linear", 1, None, params=65_000, call=0),
        ),
        inputs=(("x", image), ("mask", (1, 224, 224))),
        warnings=(
            Note("never_ran", "auxiliary never ran; its 65,000 parameters count", "auxiliary"),
            Note("shared", "tied shares its parameters with head", "tied"),
        ),
        uncounted=(Uncounted("aten::fft_rfft2", "features.1", 3),),
        training=TrainingMemory("adamw", 700_000, 1_400_000, 12_000_000, 20_000_000),
        inference_peak=9_000_000,
    )  # fmt: skip


def nested(levels: int = 12) -> Report:
    """One block inside another, ``levels`` deep, with long names."""
    shape = (1, 512, 128, 128)
    rows = [layer("", "Hourglass", 0, shape, taken=shape, field=square(3, 1, -1, extent=128), allocated=0)]
    path = ""
    for level in range(1, levels + 1):
        path = f"{path}.inner" if path else "inner"
        rows.append(
            layer(path, "HourglassBlock", level, shape, taken=shape, allocated=0, field=rows[0].receptive_field)
        )
        rows.append(
            layer(f"{path}.downsampling_convolution", "Conv2d", level + 1, shape, taken=shape, params=2_359_808,
                  macs=38_654_705_664, field=square(7_001, 16, -3_500, extent=128), allocated=33_554_432)
        )  # fmt: skip
    return report("Hourglass", tuple(rows), inputs=(("x", shape),), inference_peak=2**40)


def weights_only() -> Report:
    """A weights file: parameters by prefix, nothing that a forward would have shown."""
    rows = (
        layer("", "", 0, None, macs=None),
        layer("encoder", "", 1, None, macs=None),
        layer("encoder.weight", "float32", 2, None, params=1_000_000, macs=None),
        layer("encoder.bias", "float32", 2, None, params=1_000, macs=None),
    )
    made = report("weights.safetensors", rows, inputs=())
    totals = replace(made.totals, macs=None, flops=None, macs_status="unknown")
    return replace(made, model=Model("weights.safetensors", "weights.safetensors", "weights", "eval"), totals=totals)


def chain(length: int) -> Report:
    """A Sequential of ``length`` convolutions."""
    shape = (1, 8, 32, 32)
    first = layer("", "Sequential", 0, shape, taken=shape, allocated=0, field=square(3, 1, -1))
    row = layer("0", "Conv2d", 1, shape, taken=shape, params=584, macs=589_824, allocated=32_768,
                field=square(3, 1, -1))  # fmt: skip
    rows = (first, *(replace(row, path=str(i)) for i in range(length)))
    made = report("Sequential", rows[:1])
    root = replace(first, leaf=False, params_total=584 * length, macs_total=589_824 * length)
    return replace(made, layers=(root, *rows[1:]))


def unet() -> Report:
    """Down, up and across: fields that differ by phase after upsampling, and a concatenation."""
    full, half = (1, 16, 96, 96), (1, 32, 48, 48)
    down = {"extent": 96}
    return report(
        "UNet",
        (
            layer("", "UNet", 0, (1, 2, 96, 96), taken=(1, 3, 96, 96), allocated=0,
                  field=square(18, 1, -8, size_min=16, **down)),
            layer("encoder", "DoubleConv", 1, full, taken=(1, 3, 96, 96), allocated=0, field=square(5, 1, -2, **down)),
            layer("encoder.0", "Conv2d", 2, full, taken=(1, 3, 96, 96), params=448, macs=3_981_312,
                  allocated=589_824, field=square(3, 1, -1, **down)),
            layer("encoder.1", "ReLU", 2, full, taken=full, allocated=0, field=square(3, 1, -1, **down)),
            layer("encoder.2", "Conv2d", 2, full, taken=full, params=2_320, macs=21_233_664,
                  allocated=589_824, field=square(5, 1, -2, **down)),
            function("", "max_pool2d", 1, (1, 16, 48, 48), full, allocated=147_456, field=square(6, 2, -2, **down)),
            layer("bottom", "Conv2d", 1, half, taken=(1, 16, 48, 48), params=4_640, macs=10_616_832,
                  allocated=294_912, field=square(10, 2, -4, **down)),
            function("", "interpolate", 1, (1, 32, 96, 96), half, allocated=1_179_648,
                     field=square(12, 1, -6, size_min=10, **down)),
            function("", "cat", 1, (1, 48, 96, 96), (full, (1, 32, 96, 96)), allocated=1_769_472,
                     field=square(12, 1, -6, size_min=10, **down)),
            layer("out", "Conv2d", 1, (1, 2, 96, 96), taken=(1, 48, 96, 96), params=866, macs=7_962_624,
                  allocated=73_728, field=square(18, 1, -8, size_min=16, **down)),
        ),
        inputs=(("x", (1, 3, 96, 96)),),
        inference_peak=4_128_768,
    )  # fmt: skip


def attention() -> Report:
    """A block whose products are functions, with views between them and a module that is not called."""
    words, heads = (2, 16, 64), (2, 4, 16, 16)
    return report(
        "Encoder",
        (
            layer("", "Encoder", 0, words, taken=(2, 16), params=1_024, allocated=0),
            layer("embed", "Embedding", 1, words, taken=(2, 16), params=6_400, allocated=8_192),
            layer("block", "Block", 1, words, taken=words, allocated=0),
            layer("block.attention", "Attention", 2, words, taken=words, allocated=0),
            layer("block.attention.qkv", "Linear", 3, (2, 16, 192), taken=words, params=12_480, macs=393_216,
                  allocated=24_576),
            function("block.attention", "view", 3, (2, 16, 3, 4, 16), (2, 16, 192), allocated=0),
            function("block.attention", "permute", 3, (3, 2, 4, 16, 16), (2, 16, 3, 4, 16), allocated=0),
            function("block.attention", "matmul", 3, heads, (heads, heads), macs=32_768, allocated=8_192),
            function("block.attention", "softmax", 3, heads, heads, allocated=8_192),
            function("block.attention", "matmul", 3, heads, (heads, heads), macs=32_768, allocated=8_192),
            function("block.attention", "transpose", 3, (2, 16, 4, 16), heads, allocated=0),
            function("block.attention", "reshape", 3, words, (2, 16, 4, 16), allocated=8_192),
            layer("block.attention.project", "Linear", 3, words, taken=words, params=4_160, macs=131_072,
                  allocated=8_192),
            layer("block.attention.unused", "Linear", 3, None, params=4_160, call=0),
            function("block", "add", 2, words, (words, words), allocated=8_192),
        ),
        inputs=(("ids", (2, 16)),),
        warnings=(
            Note("never_called", "block.attention.unused (Linear) was never called: its weights were used without it",
                 "block.attention.unused"),
        ),
        inference_peak=131_072,
    )  # fmt: skip
