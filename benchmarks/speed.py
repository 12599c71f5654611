"""How fast convinspect is, beside torch alone and beside its peers where they are installed.

    python benchmarks/speed.py            # prints the tables that stand in docs/benchmarks.md

Whole processes are measured by their CPU seconds, the two sides of a ratio in turn, so that a busy machine matters
little; what runs inside one process, by the CPU seconds of that process. Every figure is a median of five. torchinfo
and torchvision take part where they can be imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
PYTHON = (sys.executable, "-c")
TOOL = (sys.executable, "-m", "convinspect")
IMAGE = ("--input", "3,224,224", "--device", "meta")
RESNET = (*TOOL, "summary", "sample_models/resnet.py:resnet50", *IMAGE)
HUGE = {"patch_size": 14, "width": 1280, "heads": 16, "layers": 32}
BUILD = "import sys, torch; sys.path.insert(0, 'sample_models'); from {module} import {name} as build\n"
FORWARD = "with torch.device('meta'): build()(torch.empty(1, 3, 224, 224))"
TORCHINFO = "import torchinfo; torchinfo.summary(build(**{arguments}), (1, 3, 224, 224), device='{device}', depth=9)"
CHAIN = """
from torch import nn
def chain(n: int = 1) -> nn.Module:
    return nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(n)))
"""
INSIDE = """
import functools, gc, json, statistics, sys, time
import torch
sys.path.insert(0, 'sample_models')
from {module} import {name} as build
import convinspect
from convinspect import pipeline
try:
    import torchinfo
except ImportError:
    torchinfo = None

def without_fields():  # as for a table whose columns show none
    whole, pipeline.Request = pipeline.Request, functools.partial(pipeline.Request, fields=False)
    try:
        convinspect.inspect(model, x, optimizer=None)
    finally:
        pipeline.Request = whole

def step():  # what a training step is for torch alone
    model.train()
    model(x).sum().backward()
    adamw.step()
    adamw.zero_grad()
    model.eval()

torch.set_num_threads(1)
with torch.device('meta'):
    model, x = build().eval(), torch.empty(1, 3, 224, 224)
adamw = torch.optim.AdamW(model.parameters(), foreach=False)
ways = {{
    'forward': lambda: model(x),
    'torchinfo': torchinfo and (lambda: torchinfo.summary(model, input_data=x, device='meta', depth=9, verbose=0)),
    'shapes': without_fields,
    'report': lambda: convinspect.inspect(model, x, optimizer=None),
    'training': lambda: convinspect.inspect(model, x),
    'step': step,
}}
times = {{name: [] for name, way in ways.items() if way}}
for _ in range({runs} + 1):
    for name in times:
        gc.collect()  # what one way has left is not searched for at another's cost
        begin = time.process_time()
        ways[name]()
        times[name].append(time.process_time() - begin)
print(json.dumps({{name: statistics.median(found[1:]) for name, found in times.items()}}))
"""
INSIDE_MODELS = {
    "ResNet-50": ("resnet", "resnet50"),
    "ViT-B/16": ("vit", "VisionTransformer"),
    "Swin-T": ("torchvision.models", "swin_t"),
    "DenseNet-121": ("torchvision.models", "densenet121"),
}


def main() -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once
    print(f"Python {platform.python_version()}, {', '.join(_versions())}, {_machine()}\n")
    _print_table(("whole processes", "CPU s", "against", "CPU s", "ratio"), _processes())
    print()
    heads = (
        "inside one process, CPU ms",
        "forward alone",
        "torchinfo",
        "without fields",
        "/ torchinfo",
        "report",
        "/ torchinfo",
        "training",
        "/ report",
        "a step by torch alone",
    )
    _print_table(heads, _inside())


def _processes() -> Iterator[tuple[str, ...]]:
    """Yield a row for each pair of commands."""
    torch = (*PYTHON, "import torch")
    lenet = (*TOOL, "summary", "sample_models/lenet.py", "--input", "1,28,28", "--device")
    resnet = BUILD.format(module="resnet", name="resnet50")
    yield _pair("`convinspect --help`", (*TOOL, "--help"), "`import click`", (*PYTHON, "import click"))
    yield _pair("LeNet on the cpu", (*lenet, "cpu"), "`import torch`", torch)
    yield _pair("LeNet on meta", (*lenet, "meta"), "`import torch`", torch)
    yield _pair("ResNet-50 on meta", RESNET, "torch: build, one forward there", (*PYTHON, resnet + FORWARD))
    if importlib.util.find_spec("torchinfo"):
        script = resnet + TORCHINFO.format(arguments={}, device="cpu")
        yield _pair("ResNet-50 on meta", RESNET, "a torchinfo script on the cpu", (*PYTHON, script))
        arguments = [part for name, value in HUGE.items() for part in ("--arg", f"{name}={value}")]
        huge = (*TOOL, "summary", "sample_models/vit.py", *arguments, *IMAGE)
        script = BUILD.format(module="vit", name="VisionTransformer") + TORCHINFO.format(arguments=HUGE, device="cpu")
        yield _pair("ViT-H/14 on meta", huge, "a torchinfo script on the cpu", (*PYTHON, script))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONVINSPECT_CACHE"] = folder
        budget = ("check", "sample_models/lenet.py", "--input", "1,28,28", "--max-params", "30k")
        yield _pair("a check whose report is kept", (*TOOL, *budget), "`import torch`", torch)
        file = Path(folder) / "chain.py"
        file.write_text(CHAIN)
        chains = [
            (*TOOL, "summary", f"{file}:chain", "--arg", f"n={n}", "--input", "4,32,32", "--device", "meta")
            for n in (1, 1_000, 4_000)
        ]
        one, thousand, thousands = _medians(*chains)
    yield _row("4,000 layers, beyond one", thousands - one, "1,000 layers, beyond one", thousand - one)


def _inside() -> Iterator[tuple[str, ...]]:
    """Yield a row for each network."""
    for model, (module, name) in INSIDE_MODELS.items():
        if module.startswith("torchvision") and not importlib.util.find_spec("torchvision"):
            continue
        code = INSIDE.format(module=module, name=name, runs=RUNS)
        done = subprocess.run((*PYTHON, code), cwd=ROOT, check=True, capture_output=True, text=True)
        found = {way: 1000 * seconds for way, seconds in json.loads(done.stdout.splitlines()[-1]).items()}
        peer, report = found.get("torchinfo"), found["report"]
        beside = ["" if peer is None else f"{found[way] / peer:.2f}" for way in ("shapes", "report")]
        times = [
            f"{found[way]:.0f}" if way in found else ""
            for way in ("forward", "torchinfo", "shapes", "report", "training", "step")
        ]
        trained = f"{found['training'] / report:.2f}"
        yield (model, *times[:3], beside[0], times[3], beside[1], times[4], trained, times[5])


def _pair(ours: str, command: tuple[str, ...], theirs: str, other: tuple[str, ...]) -> tuple[str, ...]:
    mine, peer = _medians(command, other)
    return _row(ours, mine, theirs, peer)


def _row(ours: str, mine: float, theirs: str, peer: float) -> tuple[str, ...]:
    return ours, f"{mine:.2f}", theirs, f"{peer:.2f}", f"{mine / peer:.2f}"


def _medians(*commands: tuple[str, ...]) -> list[float]:
    """Return the median CPU seconds of each command, which take turns, after one round that is not counted."""
    rounds = [[_cpu_seconds(command) for command in commands] for _ in range(RUNS + 1)]
    return [statistics.median(times) for times in zip(*rounds[1:], strict=True)]


def _cpu_seconds(command: tuple[str, ...]) -> float:
    before = os.times()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _print_table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def _versions() -> Iterator[str]:
    for name in ("torch", "torchinfo", "torchvision"):
        if importlib.util.find_spec(name):
            yield f"{name} {importlib.metadata.version(name)}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


if __name__ == "__main__":
    main()
