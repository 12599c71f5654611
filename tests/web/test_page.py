"""The HTML page in a real browser: what it draws is what the report says, and nothing gets in or out."""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convinspect import inspect
from convinspect.records import Peak
from convinspect.render import Options, render
from convinspect.render.cells import size_text
from convinspect.report import Report
from convinspect.spec import SECTIONS
from tests.render import nets as hand_made
from tests.shell import convinspect

from . import nets


def _page(report: Report) -> str:
    return render(report, "html")


def _choose(page: Any, row: int) -> None:
    page.locator(f"#layers tr[data-row='{row}']").last.click()


def _open_all(page: Any) -> None:
    page.get_by_label("All operators").check()
    page.get_by_role("button", name="Open all").click()


def _rectangle(page: Any, kind: str) -> list[float] | None:
    return page.evaluate(  # type: ignore[no-any-return]
        """kind => { const box = document.querySelector(`#field .boxes .${kind}`);
        return box && ['x', 'y', 'width', 'height'].map(name => Number(box.getAttribute(name))) }""",
        kind,
    )


def _move_to(page: Any, index: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    """Put the mouse on the middle of the unit; along axes that the plane does not have its number is typed."""
    for axis, place in enumerate(index[:-2]):
        page.get_by_label(f"Unit along axis {axis + 1} of the output").fill(str(place))
    area = page.locator("#field .units").bounding_box()
    x = area["x"] + area["width"] * (index[-1] + 0.5) / sizes[-1]
    high = (index[-2] + 0.5) / sizes[-2] if len(sizes) > 1 else 0.5
    page.mouse.move(x, area["y"] + area["height"] * high)


@pytest.mark.parametrize(("name", "units"), [("down", 34), ("wave", 8), ("solid", 8)])
def test_the_box_under_the_mouse_is_that_of_the_unit(name: str, units: int, opened: Any) -> None:
    report = nets.report(name)
    found = opened(_page(report))
    page = found.page
    _open_all(page)
    assert report.units is not None
    rows = [
        row
        for row, place in enumerate(report.units.layers)
        if place is not None and report.layers[row].kind == "module" and report.layers[row].path
    ]
    draw = random.Random(name)  # noqa: S311 - any units will do
    shown = None
    with nets.many_runs():
        for row in sorted(draw.choices(rows, k=units)):
            if row != shown:
                _choose(page, row)
                page.locator("#field").scroll_into_view_if_needed()
                shown = row
            sizes = report.units.distinct[report.units.layers[row] or 0].sizes
            index = tuple(draw.randrange(size) for size in sizes)
            _move_to(page, index, sizes)
            said = nets.unit(name, report.layers[row].path, index)
            assert page.locator("#field .said").inner_text().startswith(f"Unit {', '.join(map(str, index))} of ")
            for kind, sides in (("box", said.box), ("nominal", said.nominal)):
                assert _rectangle(page, kind) == _wanted(sides, _rectangle(page, kind)), (
                    report.layers[row].path,
                    index,
                    kind,
                )
    found.assert_quiet()


def _wanted(sides: Any, drawn: list[float] | None) -> list[float] | None:
    """Return the rectangle of ``sides``; a line is as high as it is drawn."""
    if any(side is None for side in sides):
        return None
    (x0, x1), rest = sides[-1], sides[:-1]
    if not rest:
        assert drawn is not None
        return [x0, drawn[1], x1 - x0 + 1, drawn[3]]
    y0, y1 = rest[-1]
    return [x0, y0, x1 - x0 + 1, y1 - y0 + 1]


def test_global_operators_are_set_aside_on_request(opened: Any) -> None:
    report = nets.report("down")
    page = opened(_page(report)).page
    row = next(row for row, layer in enumerate(report.layers) if layer.path == "last")
    field = report.layers[row].receptive_field
    assert field is not None
    assert field.local is not None
    _open_all(page)
    _choose(page, row)
    assert _rectangle(page, "box") == [0, 0, 60, 45]
    page.get_by_role("button", name="Global operators set aside").click()
    assert field.local.center is not None
    assert _rectangle(page, "box") == _wanted(field.local.center, None)


@pytest.mark.parametrize("run", ["Inference", "Training step"])
def test_the_bands_at_the_peak_are_as_high_as_what_is_alive_there(run: str, opened: Any) -> None:
    memory = nets.report("down").totals.memory
    assert memory.training is not None
    peak = memory.inference_peak if run == "Inference" else memory.training.peak
    assert isinstance(peak, Peak)
    page = opened(_page(nets.report("down"))).page
    page.get_by_role("button", name=run, exact=True).click()
    page.get_by_role("button", name="Go to the peak").click()
    chart = page.locator("#memory .chart")
    assert int(chart.get_attribute("data-peak")) == peak.bytes
    heights = chart.evaluate(
        """chart => { const x = Number(chart.querySelector('.cursor').getAttribute('x1')), found = {};
        for (const band of chart.querySelectorAll('.band')) {
            const kind = band.querySelector('title').textContent; found[kind] = 0;
            for (let y = 0; y < 260; y += 0.05) {
                const point = chart.createSVGPoint(); point.x = x; point.y = y;
                if (band.isPointInFill(point)) found[kind] += 0.05;
            } }
        return found }"""
    )
    whole = sum(heights.values())
    for kind, height in heights.items():
        assert height / whole == pytest.approx(peak.by_kind.get(kind, 0) / peak.bytes, abs=0.002), kind
    assert set(peak.by_kind) <= set(heights)
    said = page.locator("#memory .alive .said").inner_text()
    assert said.startswith(peak.phase)


def test_a_band_under_the_mouse_names_what_it_is_made_of(opened: Any) -> None:
    report = nets.report("down")
    assert report.timeline is not None
    assert report.totals.memory.training is not None
    peak = report.totals.memory.training.peak
    assert peak is not None
    page = opened(_page(report)).page
    page.get_by_role("button", name="Go to the peak").click()
    band = page.locator("#memory .band.kind-saved")
    at = page.evaluate(
        """() => { const chart = document.querySelector('#memory .chart'), area = chart.getBoundingClientRect();
        const x = Number(chart.querySelector('.cursor').getAttribute('x1')), point = chart.createSVGPoint();
        point.x = x;
        const inside = [];
        for (point.y = 0; point.y < 260; point.y += 0.5)
            if (chart.querySelector('.kind-saved.band').isPointInFill(point)) inside.push(point.y);
        const y = inside[inside.length >> 1];
        return [area.left + x, area.top + y * area.height / 260] }"""
    )
    page.mouse.move(*at)
    assert "aside" not in band.get_attribute("class")
    assert "aside" in page.locator("#memory .band.kind-weights").get_attribute("class")
    kinds = page.locator("#memory .alive tbody td:first-child").all_inner_texts()
    assert set(filter(None, kinds)) == {"saved"}
    assert page.locator("#memory .alive .said").inner_text().endswith(f"saved {size_text(peak.by_kind['saved'])}")


def test_a_choice_anywhere_is_shown_everywhere(opened: Any) -> None:
    report = nets.report("down")
    found = opened(_page(report))
    page = found.page

    def shown() -> str:
        return str(page.locator("#row code").inner_text())

    page.locator("#map .cell[data-row]").last.dispatch_event("click")
    row = int(page.locator("#layers tr[aria-selected='true']").last.get_attribute("data-row"))
    assert shown() == (report.layers[row].path or f"{report.layers[row].type}()")
    page.locator("#graph").scroll_into_view_if_needed()
    page.locator("#graph .node", has_text="pool").last.dispatch_event("click")
    assert shown() == "pool"
    assert "chosen" in page.locator("#graph .node", has_text="pool").last.get_attribute("class")
    page.locator("#memory .alive .link").first.click()
    assert page.locator("#layers tr[aria-selected='true'] th").first.inner_text()
    _choose(page, 0)
    assert shown() == "Down"
    found.assert_quiet()


def test_boxes_of_the_graph_open_and_fold_with_shapes_on_their_arrows(opened: Any) -> None:
    found = opened(_page(nets.report("down")))
    page = found.page
    page.locator("#graph").scroll_into_view_if_needed()
    stem = page.locator("#graph .node[aria-label^='stem']")
    before = stem.get_attribute("aria-expanded")
    stem.dispatch_event("dblclick")
    assert stem.get_attribute("aria-expanded") != before
    if before == "true":
        stem.dispatch_event("dblclick")
    assert page.locator("#graph .node[aria-label='0 Conv2d 5x5 /2']").count() == 1
    shapes = page.locator("#graph .shape").all_text_contents()
    assert "2x3x45x60" in shapes
    assert "2x8x23x30" in shapes
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as SVG").click()
    drawing = Path(saved.value.path()).read_text("utf-8")
    assert drawing.startswith("<svg")
    assert "Conv2d 5x5 /2" in drawing
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PNG").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    found.assert_quiet()


def test_the_table_is_searched_sorted_folded_and_walked_by_keyboard(opened: Any) -> None:
    report = nets.report("down")
    found = opened(_page(report))
    page = found.page
    body = page.locator("#layers tbody tr")
    page.keyboard.press("/")
    page.keyboard.type("conv2d 3x3 d2")
    assert body.count() == 2
    assert "1 of " in page.locator("#layers .said").inner_text()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.locator("#layers thead").get_by_role("button", name="MACs", exact=True).click()
    macs = [layer.macs for layer in report.layers if layer.leaf and layer.macs]
    first = page.locator("#layers tbody tr").first
    heaviest = report.layers[int(first.get_attribute("data-row"))]
    assert heaviest.macs == max(macs)
    assert page.locator("#layers thead th[aria-sort='descending']").inner_text() == "MACs"
    page.get_by_role("button", name="Layer", exact=True).click()
    page.get_by_role("button", name="Fold", exact=True).first.click()
    blocks = page.locator("#layers tr", has_text="blocks").first
    blocks.click()
    opened_before = blocks.get_attribute("aria-expanded")
    count = body.count()
    page.keyboard.press("ArrowLeft" if opened_before == "true" else "ArrowRight")
    assert body.count() != count
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.dataset.row") == "0"
    page.keyboard.press("ArrowDown")
    assert page.locator("#row code").inner_text() == "stem"
    page.get_by_label("Fold equal layers").uncheck()
    page.get_by_role("button", name="Open all").click()
    assert page.locator("#layers tr.module").count() == sum(layer.kind == "module" for layer in report.layers)
    page.locator("#layers summary").click()
    page.get_by_label("Stride").check()
    assert "Stride" in page.locator("#layers thead").inner_text()
    found.assert_quiet()


def test_bars_are_as_long_as_the_shares(opened: Any) -> None:
    report = nets.report("down")
    page = opened(_page(report)).page
    _open_all(page)
    row = next(row for row, layer in enumerate(report.layers) if layer.path == "up")
    cells = page.locator(f"#layers tr[data-row='{row}'] td.bar")
    shares = [float(cell.get_attribute("style").split(":")[1].strip(" %;")) for cell in cells.all()]
    layer, totals = report.layers[row], report.totals
    assert shares[0] == pytest.approx(100 * layer.params_total / totals.params)
    assert totals.macs is not None
    assert shares[1] == pytest.approx(100 * (layer.macs_total or 0) / totals.macs)


def test_tables_are_tables_and_controls_have_names(opened: Any) -> None:
    page = opened(_page(nets.report("down"))).page
    assert page.get_by_role("treegrid").count() == 1
    assert page.get_by_role("rowheader").count() > 10
    assert page.get_by_role("columnheader", name="Params").count() == 1
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, summary, [role=button], [role=img]')].filter(one =>
        !(one.textContent.trim() || one.getAttribute('aria-label') || one.closest('label')?.textContent.trim()))
        .length"""
    )
    assert unnamed == 0
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        *("Layers", "Chosen layer", "What a unit sees", "Memory over time", "Graph", "Where it is"),
    ]


EVIL = (
    "<script>alert(1)</script></script /<!--<script \"'&amp;]]>-->\u2028</style>"
    "<img src=x onerror=alert(2)> \u202eabc 🦊 "
)


def test_names_of_a_model_are_text_whatever_they_hold(opened: Any) -> None:
    report = nets.report("down")
    long = EVIL + "x" * 10_000
    layers = tuple(
        replace(layer, path=f"{EVIL}{i}" if i % 2 else long, type=f"<b>{EVIL}") if layer.path else layer
        for i, layer in enumerate(report.layers)
    )
    model = replace(report.model, name=long, target=EVIL)
    hostile = replace(report, layers=layers, model=model, inputs=(replace(report.inputs[0], name=EVIL),))
    found = opened(_page(hostile), width=390)
    page = found.page
    _open_all(page)
    _choose(page, 2)
    page.locator("#graph").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert page.locator("script").count() == 2
    assert page.locator("img, b b").count() == 0
    assert EVIL.strip()[:60] in page.locator("h1").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.assert_quiet()


def test_five_thousand_rows_are_there_in_two_seconds(opened: Any) -> None:
    leaf = nets.report("down").layers[2]
    layers = [
        hand_made.layer("", "Net", 0, (1,)),
        *(replace(leaf, path=f"b{i // 10}.{i}", depth=1, params=i % 90, params_total=i % 90) for i in range(5000)),
    ]
    found = opened(_page(hand_made.report("Net", tuple(layers))))
    page = found.page
    times = [page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")]
    for _ in range(2):
        page.reload()
        times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(times) < 2000
    page.get_by_role("button", name="Open all").click()
    assert "of 5,001 rows shown" in page.locator("#layers .said").inner_text()
    page.locator("#layers .scroller").evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight }")
    page.locator("#layers tr[data-row='5000']").wait_for()
    assert page.locator("#layers tbody tr").count() < 300
    page.locator("#layers tr[data-row='5000']").click()
    assert page.locator("#row code").inner_text() == layers[-1].path
    found.assert_quiet()


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_width_and_theme_shows_all_parts_without_scrolling_sideways(width: int, theme: str, opened: Any) -> None:
    found = opened(_page(nets.report("down")), width, theme)
    page = found.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("layers", "row", "field", "memory", "graph", "map"):
        assert page.locator(f"#{part}").bounding_box()["width"] > 300
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] > 128")
    assert light == (theme == "light")
    page.emulate_media(media="print")
    assert not page.locator("#layers .tools").is_visible()
    found.assert_quiet()


def test_a_saved_report_without_sections_says_what_it_lacks(opened: Any) -> None:
    report = replace(nets.report("down"), graph=None, timeline=None, units=None)
    found = opened(_page(report))
    assert "without its timeline" in found.page.locator("#memory").inner_text()
    assert "without its graph" in found.page.locator("#graph").inner_text()
    assert "saved without its units" in found.page.locator("#field").inner_text()
    found.assert_quiet()


def test_a_forward_that_stopped_has_a_page_that_says_so(tmp_path: Path, opened: Any) -> None:
    net = "from torch import nn\nmodel = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(99, 3))\n"
    (tmp_path / "net.py").write_text(net)
    words = ["summary", "net.py", "--input", "3,16,20", "--device", "meta", "--partial", "-o", "out.html"]
    assert convinspect(*words, cwd=tmp_path).code == 3
    found = opened((tmp_path / "out.html").read_text("utf-8"))
    assert "2: Linear expected" in found.page.locator(".notes").inner_text()
    assert "(failed)" in found.page.locator("#layers tr[data-row='3']").inner_text()
    found.assert_quiet()


def test_a_report_of_weights_alone_has_a_page_too(opened: Any) -> None:
    report = nets.report("down")
    layers = tuple(
        replace(layer, receptive_field=None, inputs=(), outputs=(), macs=None, macs_total=None, macs_status="unknown")
        for layer in report.layers
        if layer.kind == "module"
    )
    weights = replace(report, model=replace(report.model, format="weights"), layers=layers, inputs=(), outputs=())
    found = opened(_page(replace(weights, graph=None, timeline=None, units=None)))
    assert found.page.locator("#layers tbody tr").count() > 3
    found.assert_quiet()


_MODEL = (
    "import torch\nfrom torch import nn\nmodel = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))\n"
)
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360f8cf000000040001"
    "0a2fd6e90000000049454e44ae426082"
)


def test_the_command_line_writes_the_page_with_a_picture(tmp_path: Path, opened: Any) -> None:
    (tmp_path / "net.py").write_text(_MODEL)
    (tmp_path / "dot.png").write_bytes(_PIXEL)
    words = ["summary", "net.py", "--input", "3,16,20", "--device", "meta"]
    done = convinspect(*words, "--format", "html", "-o", "out.html", "--picture", "dot.png", cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    text = (tmp_path / "out.html").read_text("utf-8")
    found = opened(text)
    assert found.page.locator("#field image").count() == 1
    found.assert_quiet()
    (tmp_path / "evil.svg").write_text("<svg onload='alert(1)'/>")
    for more, complaint in (
        (["--format", "html", "--picture", "evil.svg"], "not a PNG, JPEG, GIF or WebP image"),
        (["--format", "html", "--picture", "none.png"], "No such file"),
        (["--picture", "dot.png"], "--picture is for the HTML page"),
        (["--open"], "--open is for the HTML page"),
        (["--format", "html", "--depth", "1"], "--depth has no say in the HTML page"),
    ):
        done = convinspect(*words, *more, cwd=tmp_path)
        assert (done.code, complaint in done.err) == (2, True), done.err


def test_the_page_of_resnet_50_is_below_a_megabyte_and_names_no_address() -> None:
    done = convinspect(
        *("summary", "sample_models/resnet.py:resnet50", "--input", "3,224,224", "--device", "meta"),
        *("--format", "html"),
    )
    assert done.code == 0
    assert len(done.out.encode()) < 1_000_000
    assert not re.findall(r"""(?:src|href)=["']?https?:""", done.out)
    assert Options().picture is None


def test_open_shows_the_page_in_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(shown.append(address)) or True)
    (tmp_path / "net.py").write_text(_MODEL)
    words = ["summary", "net.py", "--input", "3,16,20", "--device", "meta", "--format", "html", "--open"]
    assert convinspect(*words, "-o", "out.html", cwd=tmp_path).code == 0
    done = convinspect(*words, cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    assert shown[0] == (tmp_path / "out.html").as_uri()
    assert Path(shown[1].removeprefix("file://")).read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_notebook_shows_the_page_in_a_frame_that_cannot_reach_it(opened: Any) -> None:
    frame = nets.report("wave").show(700)._repr_html_()
    assert frame.startswith("<iframe")
    found = opened(f"<!DOCTYPE html><title>notebook</title>{frame}")
    inside = found.page.frame_locator("iframe")
    inside.locator("#layers tr[data-row='1']").click()
    assert inside.locator("#row code").inner_text() == "one"
    assert (
        found.page.frames[1].evaluate("(() => { try { return !!parent.document } catch { return false } })()") is False
    )
    found.assert_quiet()


def test_a_diff_is_the_same_page_with_both_and_their_differences(tmp_path: Path, opened: Any) -> None:
    first = {"a": nn.Conv2d(3, 8, 3), "act": nn.ReLU(), "b": nn.Conv2d(8, 8, 3), "drop": nn.Dropout()}
    then = {"a": nn.Conv2d(3, 8, 3), "act": nn.ReLU(), "b": nn.Conv2d(8, 16, 5), "mix": nn.Conv2d(16, 4, 1)}
    for name, modules in (("old.json", first), ("new.json", then)):
        x = torch.empty(1, 3, 16, 16, device="meta")
        report = inspect(nn.Sequential(OrderedDict(modules)), x, sections=SECTIONS)
        (tmp_path / name).write_text(report.to_json(), "utf-8")
    done = convinspect("diff", "old.json", "new.json", "-o", "diff.html", cwd=tmp_path)
    assert done.code == 0, done.err
    found = opened((tmp_path / "diff.html").read_text("utf-8"))
    page = found.page
    listed = page.locator("#changes tbody tr").all_inner_texts()
    assert [line.split("\t")[0].strip() for line in listed] == ["changed", "removed", "added"]
    assert "Conv2d 3x3 → Conv2d 5x5" in listed[0]
    assert "Params 584 → 3,216" in listed[0]
    assert page.locator("#layers tr[data-row='3'] .mark").inner_text() == "changed"
    assert "before: 808" in page.locator(".facts").inner_text()
    assert page.locator("#memory .besides").get_attribute("d")
    page.locator("#changes tr.removed .link").click()
    assert page.get_by_role("button", name="Before: old.json").get_attribute("aria-pressed") == "true"
    assert page.locator("#row code").inner_text() == "drop"
    page.get_by_role("button", name="After: new.json").click()
    assert page.locator("#layers tr[data-row='4'] .mark").inner_text() == "added"
    found.assert_quiet()
    done = convinspect("diff", "old.json", "new.json", "--open", cwd=tmp_path)
    assert (done.code, "--open is for the HTML page" in done.err) == (2, True)
