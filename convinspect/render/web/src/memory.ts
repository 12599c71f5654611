// Memory over time: what is alive after every operator, stacked by kind, with the peak and what is under the cursor.

import { ticks } from "d3-array";
import { area, curveStepAfter, line } from "d3-shape";
import { aliveTable } from "./alive";
import type { Chosen } from "./chosen";
import { at, type Data, label, type Timeline, type Tree } from "./data";
import { atEveryWidth, button, choice, html, panel, svg } from "./dom";
import { bytes, operator } from "./format";
import { aliveAt, type Heights, heights, KINDS } from "./heights";

const HEIGHT = 260;
const LEFT = 64;
const TOP = 14;
const BOTTOM = 26;

export function memory(data: Data, tree: Tree, chosen: Chosen, other: Data | null): HTMLElement {
  if (!data.timeline) {
    const { section, body } = panel("memory", "Memory over time");
    body.append(
      html("p", { class: "empty" }, "This report was made without its timeline: --json-sections timeline keeps it."),
    );
    return section;
  }
  return new Memory(data, tree, chosen, data.timeline, other?.timeline ?? null).section;
}

/** A moment that is drawn, from where on. */
interface Step {
  from: number;
  moment: number;
}

interface Timelines {
  inference: Timeline;
  training: Timeline | null;
}

class Memory {
  readonly section: HTMLElement;
  private readonly body: HTMLElement;
  private line: Timeline;
  private all: Heights;
  private moment = 0;
  private peak = 0;
  private most = 1;
  private width = 800;
  private readonly cursor = svg("line", { class: "cursor" });
  private readonly part = svg("path", { class: "part" });
  private readonly turns = svg("path", { class: "turns" });
  private readonly told = html("div", { class: "alive" });
  private readonly slider: HTMLInputElement;

  constructor(
    private readonly data: Data,
    private readonly tree: Tree,
    private readonly chosen: Chosen,
    private readonly lines: Timelines,
    private readonly others: Timelines | null,
  ) {
    this.line = lines.training ?? lines.inference;
    this.all = heights(this.line);
    const runs: (readonly ["inference" | "training", string])[] = [["inference", "Inference"]];
    if (lines.training) runs.push(["training", "Training step"]);
    const tools = [
      choice("Which run", runs, lines.training ? "training" : "inference", (run) => {
        this.line = (run === "training" ? lines.training : lines.inference) ?? lines.inference;
        this.draw();
      }),
      button("Go to the peak", () => this.go(this.peak)),
    ];
    const { section, body } = panel("memory", "Memory over time", ...tools);
    this.section = section;
    this.body = body;
    this.slider = html("input", {
      type: "range",
      min: 0,
      class: "moment",
      "aria-label": "Operator at which to look",
      input: () => this.go(Number(this.slider.value)),
    });
    chosen.watch(() => this.mark());
    atEveryWidth(body, (width) => {
      this.width = width;
      this.draw();
    });
  }

  private x = (moment: number): number => LEFT + (moment / Math.max(1, this.all.total.length)) * (this.width - LEFT);

  private y = (size: number): number => HEIGHT - BOTTOM - (size / this.most) * (HEIGHT - TOP - BOTTOM);

  private draw(): void {
    this.all = heights(this.line);
    if (!this.all.total.length) {
      this.body.replaceChildren(html("p", { class: "empty" }, "No operator ran."));
      return;
    }
    const { total } = this.all;
    this.peak = total.reduce((best, size, moment) => (size > at(total, best) ? moment : best), 0);
    const theirs = this.theirs();
    this.most = Math.max(1, at(total, this.peak), ...theirs.map((one) => one[1]));
    const chart = svg("svg", {
      class: "chart",
      viewBox: `0 0 ${this.width} ${HEIGHT}`,
      role: "img",
      "aria-label": `Bytes alive after each of ${this.all.total.length} operators; at most ${bytes(at(total, this.peak))}`,
      "data-peak": at(this.all.total, this.peak),
      pointermove: (event: PointerEvent) => this.point(event, chart),
      pointerdown: (event: PointerEvent) => this.point(event, chart),
      pointerleave: () => this.go(this.moment),
      dblclick: () => this.chosen.choose(Math.max(0, at(this.line.owners, this.moment)), "memory"),
    });
    chart.append(
      ...this.axis(),
      ...this.bands(),
      this.besides(theirs),
      this.part,
      this.turns,
      ...this.phases(),
      ...this.peakMark(),
      this.cursor,
    );
    this.slider.max = String(this.all.total.length - 1);
    this.body.replaceChildren(chart, this.slider, this.legend(), this.told);
    this.go(this.peak);
    this.mark();
  }

  /** The other report's bytes, each with its place along this one's moments. */
  private theirs(): [number, number][] {
    const line = this.line === this.lines.training ? this.others?.training : this.others?.inference;
    if (!line) return [];
    const { total } = heights(line);
    const step = Math.max(1, Math.ceil(total.length / (2 * this.width)));
    return total.flatMap((size, i): [number, number][] =>
      i % step ? [] : [[(i / total.length) * this.all.total.length, Math.max(...total.slice(i, i + step), size)]],
    );
  }

  private besides(theirs: readonly [number, number][]): SVGElement {
    const shape = line<[number, number]>()
      .x((one) => this.x(one[0]))
      .y((one) => this.y(one[1]))
      .curve(curveStepAfter);
    const path = svg("path", { class: "besides", d: shape([...theirs]) ?? "" });
    path.append(svg("title", {}, "all that is alive in the other report"));
    return path;
  }

  /** The moments that are drawn: where there are more than pixels, the highest of each. */
  private drawn(): number[] {
    const total = this.all.total;
    const step = Math.max(1, Math.ceil(total.length / (2 * this.width)));
    const kept: number[] = [];
    for (let start = 0; start < total.length; start += step) {
      let best = start;
      for (let i = start; i < Math.min(start + step, total.length); i++) if (at(total, i) > at(total, best)) best = i;
      kept.push(best);
    }
    return kept;
  }

  private bands(): SVGElement[] {
    const moments = this.drawn();
    const below = new Array<number>(this.all.total.length).fill(0);
    const made: SVGElement[] = [];
    for (const kind of this.kinds()) {
      const sizes = this.all.kinds.get(kind) ?? [];
      const shape = area<Step>()
        .x((step) => this.x(step.from))
        .y0(({ moment }) => this.y(at(below, moment)))
        .y1(({ moment }) => this.y(at(below, moment) + at(sizes, moment)))
        .curve(curveStepAfter);
      const path = svg("path", { class: `band kind-${kind}`, "data-kind": kind, d: shape(this.steps(moments)) });
      path.append(svg("title", {}, kind));
      made.push(path);
      for (const moment of moments) below[moment] = at(below, moment) + at(sizes, moment);
    }
    return made;
  }

  /** Where each of `moments` begins, and where the last one ends. */
  private steps(moments: readonly number[]): Step[] {
    const last = moments.at(-1) ?? 0;
    return [...moments.map((moment) => ({ from: moment, moment })), { from: this.all.total.length, moment: last }];
  }

  private kinds(): string[] {
    const there = [...this.all.kinds.keys()];
    return [...KINDS.filter((kind) => there.includes(kind)), ...there.filter((kind) => !KINDS.includes(kind))];
  }

  private axis(): SVGElement[] {
    const unit = 1024 ** Math.floor(Math.log(this.most) / Math.log(1024));
    return ticks(0, this.most / unit, 4).flatMap((tick) => [
      svg("line", { class: "rule", x1: LEFT, x2: this.width, y1: this.y(tick * unit), y2: this.y(tick * unit) }),
      svg("text", { class: "tick", x: LEFT - 6, y: this.y(tick * unit) + 4 }, bytes(tick * unit)),
    ]);
  }

  private phases(): SVGElement[] {
    const made: SVGElement[] = [];
    const { phases } = this.line;
    for (let start = 0; start < phases.length; ) {
      let end = start;
      while (end < phases.length && phases[end] === phases[start]) end++;
      const [from, to] = [this.x(start), this.x(end)];
      if (start) made.push(svg("line", { class: "phase", x1: from, x2: from, y1: TOP, y2: HEIGHT - BOTTOM }));
      const name = phases[start] === "step" ? "optimizer step" : at(phases, start);
      if (to - from > 7 * name.length)
        made.push(svg("text", { class: "phase-name", x: (from + to) / 2, y: HEIGHT - 8 }, name));
      start = end;
    }
    return made;
  }

  private peakMark(): SVGElement[] {
    const [x, y] = [this.x(this.peak + 0.5), this.y(this.most)];
    const end = x > this.width - 120;
    return [
      svg("line", { class: "peak", x1: LEFT, x2: this.width, y1: y, y2: y }),
      svg("circle", { class: "peak-dot", cx: x, cy: y, r: 3.5 }),
      svg(
        "text",
        { class: "peak-name", x: end ? x - 8 : x + 8, y: y - 4, "text-anchor": end ? "end" : "start" },
        `peak ${bytes(at(this.all.total, this.peak))}`,
      ),
    ];
  }

  private legend(): HTMLElement {
    const items = this.kinds().map((kind) => html("li", {}, html("span", { class: `swatch kind-${kind}` }), kind));
    return html("ul", { class: "legend" }, ...items);
  }

  private point(event: PointerEvent, chart: SVGSVGElement): void {
    const area = chart.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * this.width;
    const moment = Math.floor(((x - LEFT) / (this.width - LEFT)) * this.all.total.length);
    const y = ((event.clientY - area.top) / area.height) * HEIGHT;
    const place = Math.min(Math.max(moment, 0), this.all.total.length - 1);
    this.go(place, this.kindAt(place, y));
  }

  /** The kind whose band is at height `y`; null: none. */
  private kindAt(moment: number, y: number): string | null {
    let height = 0;
    for (const kind of y <= this.y(0) ? this.kinds() : []) {
      height += this.all.kinds.get(kind)?.[moment] ?? 0;
      if (this.y(height) <= y) return kind;
    }
    return null;
  }

  /** Look at `moment`, and at what is alive there of `kind`. */
  private go(moment: number, kind: string | null = null): void {
    this.moment = moment;
    for (const band of this.body.querySelectorAll(".band")) {
      band.classList.toggle("aside", kind !== null && band.getAttribute("data-kind") !== kind);
    }
    const x = this.x(moment + 0.5);
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM })) {
      this.cursor.setAttribute(name, String(value));
    }
    this.slider.value = String(moment);
    this.slider.setAttribute("aria-valuetext", `operator ${moment + 1}: ${bytes(at(this.all.total, moment))}`);
    this.tell(moment, kind);
  }

  /** Say what is alive at `moment`, or what of `kind`, the largest first. */
  private tell(moment: number, kind: string | null): void {
    const alive = aliveAt(this.line, moment).filter((one) => kind === null || one.kind === kind);
    const total = at(this.all.total, moment);
    const owner = at(this.line.owners, moment);
    const op = operator(at(this.line.ops, at(this.line.op_of, moment)));
    this.told.replaceChildren(
      html(
        "p",
        { class: "said" },
        `${at(this.line.phases, moment)}, operator ${moment + 1} of ${this.all.total.length}: ${op}`,
        owner >= 0 ? " of " : null,
        owner >= 0 ? this.link(owner) : null,
        `, ${bytes(total)} alive`,
        kind === null ? null : `, of these ${kind} ${bytes(alive.reduce((sum, one) => sum + one.size, 0))}`,
      ),
      aliveTable(alive, total, (row) => this.link(row)),
    );
  }

  private link(row: number): HTMLElement {
    return button(label(this.data, row), () => this.chosen.choose(row, "memory"), { class: "link" });
  }

  /** Draw what the chosen row, with all below it, has made, as a line over the bands; and when it runs, below them. */
  private mark(): void {
    const row = this.chosen.row;
    const end = at(this.tree.ends, row);
    const own = heights(this.line, (owner) => row <= owner && owner < end).total;
    const shape = line<Step>()
      .x((step) => this.x(step.from))
      .y(({ moment }) => this.y(at(own, moment)))
      .curve(curveStepAfter);
    const isWhole = row === 0 && at(this.tree.ends, 0) === this.data.rows.length;
    this.part.setAttribute("d", isWhole ? "" : (shape(this.steps(this.drawn())) ?? ""));
    const runs = this.line.owners.flatMap((owner, moment) => (row <= owner && owner < end ? [moment] : []));
    const width = this.x(1) - this.x(0);
    const marks = runs.map(
      (moment) => `M${this.x(moment)} ${HEIGHT - BOTTOM + 1}h${Math.max(width, 1)}v5h${-Math.max(width, 1)}z`,
    );
    this.turns.setAttribute("d", isWhole ? "" : marks.join(""));
  }
}
