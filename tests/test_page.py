"""The page of real networks at four widths: golden sessions, and what holds of each of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree  # noqa: ICN001 - a short name would say less

import pytest
import torch

from convinspect.render import Options, render
from convinspect.report import Report
from sample_models.unet import UNet
from tests.render import golden
from tests.shell import ROOT, convinspect

CELL = 12.2  # what rich takes a letter to be wide, in pixels
WIDTHS = (40, 80, 120, 200)
MODELS = "sample_models"
NETWORKS = {
    "lenet": [f"{MODELS}/lenet.py", "-i", "1,28,28"],
    "resnet50": [f"{MODELS}/resnet.py:resnet50", "-i", "3,224,224"],
    "unet": [f"{MODELS}/unet.py:UNet", "-i", "3,64,64"],
    "transformer": [f"{MODELS}/transformer.py", "-i", "ids=32:int64:1000"],
    "two-inputs": [f"{MODELS}/two_inputs.py", "-i", "3,32,32", "-i", "table=12"],
    "failed": [f"{MODELS}/lenet.py", "-i", "1,20,20"],
    "failed-call": [f"{MODELS}/lenet.py", "-i", "1,5,5"],
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the report of each network, made once."""
    folder = tmp_path_factory.mktemp("reports")
    for name, words in NETWORKS.items():
        done = convinspect("summary", *words, "--device", "meta", "--partial", "-o", folder / f"{name}.json")
        assert done.code == (3 if name.startswith("failed") else 0), done.err
    torch.save(UNet().state_dict(), folder / "unet.pt")
    assert convinspect("summary", "unet.pt", "-o", folder / "weights.json", cwd=folder).code == 0
    return folder


def shown(saved: Path, name: str, *options: str) -> str:
    return convinspect("summary", saved / f"{name}.json", *options).out.removesuffix("\n")


@pytest.mark.parametrize("name", [*NETWORKS, "weights"])
def test_a_network_reads_as_its_golden_page_at_every_width(saved: Path, name: str) -> None:
    pages = [f"width {width}\n{shown(saved, name, '--width', str(width))}" for width in WIDTHS]
    assert golden.holds(f"page-{name}", "\n\n".join(pages))
    for width, page in zip((*WIDTHS, 60), (*pages, shown(saved, name, "--width", "60")), strict=True):
        assert max(map(len, page.splitlines())) <= width, width


def test_the_picture_in_the_readme_is_the_page_in_colour(saved: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "page.svg"
    assert convinspect("summary", saved / "resnet50.json", "--width", "103", "-o", drawn).code == 0
    text = drawn.read_text("utf-8").removesuffix("\n")
    assert golden.is_in(ROOT / "docs" / "resnet50.svg", text)
    assert "](docs/resnet50.svg)" in (ROOT / "README.md").read_text("utf-8")
    # What is written in it is the page, line by line, and nothing is fetched to show it.
    written = drawn.with_suffix(".txt")
    assert convinspect("summary", saved / "resnet50.json", "--width", "103", "-o", written).code == 0
    assert _lines_in(text) == written.read_text("utf-8").splitlines()
    assert re.findall("https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]


def _lines_in(svg: str) -> list[str]:
    """Return the lines of text in a picture, each put together from its pieces by where they stand."""
    lines: dict[float, str] = {}
    for one in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - it is our own
        if "clip-path" in one.attrib:
            line = lines.get(float(one.attrib["y"]), "")
            column = round(float(one.attrib["x"]) / CELL)
            lines[float(one.attrib["y"])] = line.ljust(column) + (one.text or "").replace("\N{NO-BREAK SPACE}", " ")
    return "\n".join(lines[height].rstrip() for height in sorted(lines)).rstrip().splitlines()


def test_resnet_50_fits_forty_lines_and_lenet_the_smallest_window(saved: Path) -> None:
    assert len(shown(saved, "resnet50", "--width", "103").splitlines()) <= 40
    # The heading, one part after another, and the prompt.
    assert len(shown(saved, "lenet", "--width", "80").splitlines()) - 2 < 24


@pytest.mark.parametrize("name", [*NETWORKS, "weights"])
def test_the_smallest_window_holds_the_heading_every_row_and_the_prompt(saved: Path, name: str) -> None:
    report = Report.from_dict(json.loads((saved / f"{name}.json").read_text("utf-8")))
    page = render(report, "table", Options(width=80, lines=23, window=True))
    assert len(page.splitlines()) <= 23
    # What goes into a file or a pipe is whole, and so is LeNet.
    whole = render(report, "table", Options(width=80, lines=23))
    has_account = "Peak memory" in whole
    assert ("the account of memory (a higher window shows it)" in page) == (has_account and name != "lenet")
    assert ("Peak memory" in page) == (name == "lenet")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--depth", "all"], "layer3.5 is not folded"),
        (["--only", "layer3"], "layer3 of ResNet"),
        (["--sort", "macs", "--top", "3"], "hidden: "),
        (["--brief"], "25,557,032 params"),
    ],
)
def test_the_options_choose_what_is_shown(saved: Path, options: list[str], said: str) -> None:
    text = shown(saved, "resnet50", *options)
    if said.endswith("folded"):
        assert "folded" not in text
        assert text.count(": Bottleneck") == 16
    else:
        assert said in text
    assert ("Peak memory" in text) == (options[0] in ("--depth", "--sort"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "layer9"], "no module of that path"),
        (["--top", "3"], "--sort"),
        (["--depth", "x"], "not a number of levels"),
        (["--sort", "macs", "--depth", "1"], "without the tree"),
    ],
)
def test_options_that_mean_nothing_are_refused(saved: Path, options: list[str], said: str) -> None:
    done = convinspect("summary", saved / "resnet50.json", *options)
    assert done.code == 2
    assert said in done.err
