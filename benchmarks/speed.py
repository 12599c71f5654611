"""How fast convinspect is, as ratios of whole processes measured in one run, so that a noisy machine matters little.

    python benchmarks/speed.py

start-up    ``--help`` against an empty Python process
meta        a report of ResNet-50 on meta against importing torch and building the model there
warm check  a budget whose report is cached, against importing torch
per layer   a chain of 4,000 layers against one of 1,000, in seconds above the shortest chain
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
CHAIN = """
from torch import nn
def chain(n: int = 1) -> nn.Module:
    return nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(n)))
"""


def seconds(*command: str) -> float:
    """Return the median wall time of ``command`` after one run that is not counted."""
    times = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    python = sys.executable
    tool = (python, "-m", "convinspect")

    empty, usage = seconds(python, "-c", "pass"), seconds(*tool, "--help")
    print(f"start-up    --help {usage:.3f} s, empty process {empty:.3f} s: {usage / empty:.2f}x")

    build = (
        "import sys, torch; sys.path.insert(0, 'sample_models'); import resnet\n"
        "with torch.device('meta'): resnet.resnet50()"
    )
    built = seconds(python, "-c", build)
    report = seconds(
        *tool, "summary", "sample_models/resnet.py:resnet50", "--input", "3,224,224", "--device", "meta", "--json"
    )
    print(f"meta        report {report:.3f} s, import and build {built:.3f} s: {report / built:.2f}x")

    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONVINSPECT_CACHE"] = folder
        budget = ("check", "sample_models/lenet.py", "--input", "1,28,28", "--max-params", "30k")
        imported, warm = seconds(python, "-c", "import torch"), seconds(*tool, *budget)
        print(f"warm check  {warm:.3f} s, import torch {imported:.3f} s: {imported / warm:.1f} times as fast")

        file = Path(folder) / "chain.py"
        file.write_text(CHAIN)
        small, middle, large = (
            seconds(*tool, "summary", f"{file}:chain", "--arg", f"n={n}", "--input", "4,32,32", "--device", "meta")
            for n in (1, 1_000, 4_000)
        )
    ratio = (large - small) / (middle - small)
    print(f"per layer   1,000: {middle - small:.2f} s, 4,000: {large - small:.2f} s: {ratio:.2f}x, linear is 4")


if __name__ == "__main__":
    main()
