// Parameters, MACs and memory as areas: who has how much of the whole.

import { hierarchy, treemap as squarified } from "d3-hierarchy";
import type { Chosen } from "./chosen";
import { at, type Data, label, type Tree } from "./data";
import { atEveryWidth, choice, html, panel, svg } from "./dom";
import { bytes, count, share } from "./format";

const HEIGHT = 360;
const HUES = 8;
/** Smaller ones are not seen. */
const SMALLEST = 2;

const MEASURES = [
  ["params", "Parameters"],
  ["macs", "MACs"],
  ["allocated", "Activations"],
  ["saved", "Saved for backward"],
] as const;
type Measure = (typeof MEASURES)[number][0];

interface Part {
  row: number;
  value: number;
  children?: Part[];
}

export function treemap(data: Data, tree: Tree, chosen: Chosen): HTMLElement {
  return new Treemap(data, tree, chosen).section;
}

class Treemap {
  readonly section: HTMLElement;
  private readonly body: HTMLElement;
  private measure: Measure;
  private width = 800;
  private cells = new Map<number, SVGElement>();
  private readonly outline = svg("rect", { class: "outline" });
  private places = new Map<number, { x0: number; y0: number; x1: number; y1: number }>();
  private readonly hues: Map<string, number>;

  constructor(
    private readonly data: Data,
    private readonly tree: Tree,
    private readonly chosen: Chosen,
  ) {
    const there = MEASURES.filter(([name]) => this.total(name) > 0);
    this.measure = there[0]?.[0] ?? "params";
    this.hues = hues(data);
    const tools = choice("Of what", there, this.measure, (measure) => {
      this.measure = measure;
      this.draw();
    });
    const { section, body } = panel("map", "Where it is", tools);
    this.section = section;
    this.body = body;
    chosen.watch(() => this.mark());
    atEveryWidth(body, (width) => {
      this.width = width;
      this.draw();
    });
  }

  private total(measure: Measure): number {
    return this.tree.tops.reduce((sum, row) => sum + (at(this.data.rows, row)[measure] ?? 0), 0);
  }

  private own(row: number): number {
    return at(this.data.rows, row).own[MEASURES.findIndex(([name]) => name === this.measure)] ?? 0;
  }

  private part(row: number): Part {
    const children = at(this.tree.children, row).map((child) => this.part(child));
    const own = this.own(row);
    if (children.length && own) children.unshift({ row, value: own });
    return children.length ? { row, value: 0, children } : { row, value: own };
  }

  private draw(): void {
    const whole = this.total(this.measure);
    if (!whole) {
      this.body.replaceChildren(html("p", { class: "empty" }, "Nothing of it is known of this model."));
      return;
    }
    const tops = this.tree.tops.map((row) => this.part(row));
    const root = hierarchy<Part>(tops.length === 1 ? at(tops, 0) : { row: -1, value: 0, children: tops })
      .sum((part) => part.value)
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
    const laid = squarified<Part>().size([this.width, HEIGHT]).paddingOuter(1.5).paddingInner(1)(root);
    const map = svg("svg", {
      class: "treemap",
      viewBox: `0 0 ${this.width} ${HEIGHT}`,
      role: "img",
      "aria-label": `Shares of ${MEASURES.find(([name]) => name === this.measure)?.[1]}; the table has the same numbers`,
    });
    this.cells = new Map();
    this.places = new Map();
    for (const node of laid.descendants()) {
      const { row } = node.data;
      if (!this.places.has(row)) this.places.set(row, node);
      if (!node.children && node.x1 - node.x0 > SMALLEST && node.y1 - node.y0 > SMALLEST) {
        map.append(this.cell(node.data, node, whole));
      }
    }
    map.append(this.outline);
    this.body.replaceChildren(map, this.legend());
    this.mark();
  }

  private cell(part: Part, place: { x0: number; y0: number; x1: number; y1: number }, whole: number): SVGElement {
    const row = at(this.data.rows, part.row);
    const [width, height] = [place.x1 - place.x0, place.y1 - place.y0];
    const size = this.measure === "params" || this.measure === "macs" ? count(part.value) : bytes(part.value);
    const made = svg("g", {
      class: `cell hue-${this.hues.get(row.type) ?? HUES}`,
      "data-row": part.row,
      click: () => this.chosen.choose(part.row, "treemap"),
    });
    const title = `${label(this.data, part.row)}: ${row.type} ${row.geometry}\n${size}, ${share(part.value, whole)}`;
    made.append(svg("title", {}, title), svg("rect", { x: place.x0, y: place.y0, width, height }));
    const name = row.path || `${row.type}()`;
    const fits = Math.floor((width - 8) / 6.2);
    if (height > 16 && fits > 3) {
      made.append(
        svg("text", { x: place.x0 + 4, y: place.y0 + 13 }, name.length > fits ? `…${name.slice(1 - fits)}` : name),
      );
      if (height > 32 && size.length <= fits)
        made.append(svg("text", { class: "size", x: place.x0 + 4, y: place.y0 + 27 }, size));
    }
    this.cells.set(part.row, made);
    return made;
  }

  private legend(): HTMLElement {
    const items = [...this.hues].map(([type, hue]) =>
      html("li", {}, html("span", { class: `swatch hue-${hue}` }), type),
    );
    return html("ul", { class: "legend" }, ...items);
  }

  private mark(): void {
    const place = this.places.get(this.chosen.row);
    this.outline.setAttribute("visibility", place && place.x1 > place.x0 ? "visible" : "hidden");
    if (!place) return;
    const { x0, y0, x1, y1 } = place;
    for (const [name, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) {
      this.outline.setAttribute(name, String(value));
    }
  }
}

/** A colour for each of the types that weigh most in anything; the others share one. */
function hues(data: Data): Map<string, number> {
  const weight = new Map<string, number>();
  const totals = [0, 1, 2, 3].map((n) => data.rows.reduce((sum, row) => sum + (row.own[n] ?? 0), 0) || 1);
  for (const row of data.rows) {
    const sizes = row.own.map((size, n) => (size ?? 0) / at(totals, n));
    weight.set(row.type, (weight.get(row.type) ?? 0) + Math.max(...sizes));
  }
  const ranked = [...weight].filter(([, size]) => size > 0).sort((a, b) => b[1] - a[1]);
  return new Map(ranked.slice(0, HUES).map(([type], hue) => [type, hue]));
}
