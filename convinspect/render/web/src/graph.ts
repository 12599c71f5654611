// The graph on the page: modules as boxes within boxes that open and fold, shapes on the arrows.

import { curveBasis, line } from "d3-shape";
import type { Chosen } from "./chosen";
import { at, type Data, type Tree } from "./data";
import { button, html, panel, svg } from "./dom";
import { savePng, saveSvg } from "./export";
import { FITTING, Flow } from "./flow";
import { type Box, type Picture, type Point, pictureOf, type Wire } from "./layout";
import type { Marks } from "./table";

const LONGEST = 30;

export function graph(data: Data, tree: Tree, chosen: Chosen, marks: Marks | null): HTMLElement {
  if (!data.graph?.length) {
    const { section, body } = panel("graph", "Graph");
    const why = data.graph
      ? "No row reads what another one made."
      : "This report was made without its graph: --json-sections graph keeps it.";
    body.append(html("p", { class: "empty" }, why));
    return section;
  }
  return new GraphPanel(data, tree, chosen, data.graph, marks).section;
}

class GraphPanel {
  readonly section: HTMLElement;
  private readonly flow: Flow;
  private readonly element = svg("svg", { class: "graph", role: "group", "aria-label": "Modules and what they read" });
  private readonly boxes = new Map<string, SVGGElement>();
  private picture: Picture = { width: 1, height: 1, boxes: [], wires: [] };
  private view = { x: 0, y: 0, width: 1, height: 1 };
  private drawn = false;

  constructor(
    private readonly data: Data,
    tree: Tree,
    private readonly chosen: Chosen,
    edges: readonly [number, number][],
    private readonly marks: Marks | null,
  ) {
    this.flow = new Flow(data, tree, edges);
    const name = data.name;
    const tools = [
      button("Fold", () => this.change(() => this.flow.openUntil(FITTING))),
      button("Open to chosen", () => this.change(() => this.flow.openTo(chosen.row))),
      button("+", () => this.zoom(1.4), { "aria-label": "Zoom in" }),
      button("−", () => this.zoom(1 / 1.4), { "aria-label": "Zoom out" }),
      button("Fit", () => this.fit()),
      button("SVG", () => saveSvg(this.element, this.picture, name), { "aria-label": "Save as SVG" }),
      button("PNG", () => void savePng(this.element, this.picture, name), { "aria-label": "Save as PNG" }),
    ];
    const { section, body } = panel("graph", "Graph", ...tools);
    body.append(
      this.element,
      html("p", { class: "hint" }, "Click chooses, double click opens or folds; drag moves, Ctrl and wheel zoom."),
    );
    this.section = section;
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.drag();
    chosen.watch((_, from) => this.drawn && this.mark(from !== "graph"));
    // The table comes first: a large graph takes its time.
    const drawNow = (): void => {
      if (this.drawn) return;
      this.drawn = true;
      this.draw();
      this.fit();
    };
    new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && drawNow()).observe(section);
    window.addEventListener("beforeprint", drawNow);
  }

  private change(act: () => void): void {
    act();
    this.draw();
    this.mark(true);
  }

  private words = (name: string): readonly [string, string] => {
    const [kind, number] = name.split(" ");
    if (kind === "input") return [this.data.inputs[Number(number) - 1]?.name ?? name, ""];
    if (kind === "more") return ["more", "not drawn"];
    const row = at(this.data.rows, Number(number));
    const type = row.kind === "function" ? `${row.type}()` : row.type;
    const what = `${type} ${row.geometry}`.trim();
    return row.name && row.name !== what ? [short(row.name), short(what)] : [short(what), ""];
  };

  private draw(): void {
    this.picture = pictureOf(this.flow, this.words);
    this.boxes.clear();
    const arrow = svg("marker", {
      id: "arrow",
      viewBox: "0 0 8 8",
      refX: 7,
      refY: 4,
      markerWidth: 7,
      markerHeight: 7,
      orient: "auto",
    });
    arrow.append(svg("path", { d: "M0 0.5L8 4L0 7.5z", class: "head" }));
    const frames = this.picture.boxes.map((box) => this.box(box));
    this.element.replaceChildren(svg("defs", {}, arrow), ...frames, ...this.picture.wires.flatMap(wire));
    const order = this.picture.boxes.map((box) => this.boxes.get(box.name));
    if (order[0]) order[0].setAttribute("tabindex", "0");
    this.mark(false);
  }

  private box(box: Box): SVGGElement {
    const row = box.name.startsWith("row ") ? Number(box.name.slice(4)) : null;
    const opens = row !== null && this.flow.opens(row);
    const [first, second] = this.words(box.name);
    const mark = row === null ? "" : (this.marks?.(row) ?? "");
    const made = svg("g", {
      class: `node ${box.open ? "open" : opens ? "closed" : "leaf"} ${box.depth % 2 ? "odd" : "even"} ${mark}`.trim(),
      transform: `translate(${box.x} ${box.y})`,
      tabindex: -1,
      role: "button",
      "aria-label": `${first} ${second} ${mark}`.trim(),
      "aria-expanded": opens ? String(box.open) : null,
      "data-row": row,
    });
    made.append(svg("rect", { width: box.width, height: box.height, rx: box.open ? 8 : 6 }));
    if (box.open)
      made.append(
        text(12, 17, `▾ ${first}`, "name", "start"),
        ...(second ? [text(24 + 6.9 * (first.length + 2), 17, second, "type", "start")] : []),
      );
    else if (second)
      made.append(
        text(box.width / 2, 17, opens ? `▸ ${first}` : first, "name"),
        text(box.width / 2, 32, second, "type"),
      );
    else made.append(text(box.width / 2, 17, first, row === null ? "name" : "type"));
    if (row !== null) {
      made.addEventListener("click", (event) => {
        event.stopPropagation();
        this.chosen.choose(row, "graph");
      });
      made.addEventListener("dblclick", (event) => {
        event.stopPropagation();
        this.toggle(row);
      });
    }
    this.boxes.set(box.name, made);
    return made;
  }

  private toggle(row: number): void {
    if (!this.flow.opens(row)) return;
    if (this.flow.open.has(row)) this.flow.open.delete(row);
    else this.flow.open.add(row);
    this.draw();
    this.boxes.get(`row ${row}`)?.focus({ preventScroll: true });
    this.intoSight(`row ${row}`);
  }

  private press(event: KeyboardEvent): void {
    const order = [...this.boxes.keys()].filter((name) => name.startsWith("row "));
    const now = order.findIndex((name) => this.boxes.get(name) === document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) {
      const name = at(order, Math.min(Math.max(now + step, 0), order.length - 1));
      this.chosen.choose(Number(name.slice(4)), "graph");
      this.boxes.get(name)?.focus({ preventScroll: true });
      this.intoSight(name);
    } else if ((event.key === "Enter" || event.key === " ") && now >= 0) this.toggle(Number(at(order, now).slice(4)));
    else return;
    event.preventDefault();
  }

  /** Show which box is, or holds, the chosen row. */
  private mark(show: boolean): void {
    const name = this.flow.shownFor(this.chosen.row);
    for (const [key, made] of this.boxes) {
      made.classList.toggle("chosen", key === name);
      made.setAttribute("tabindex", key === name ? "0" : "-1");
    }
    if (show) this.intoSight(name);
  }

  private intoSight(name: string): void {
    const box = this.picture.boxes.find((one) => one.name === name);
    if (!box || box.open) return;
    const { x, y, width, height } = this.view;
    if (box.x >= x && box.y >= y && box.x + box.width <= x + width && box.y + box.height <= y + height) return;
    this.look({ ...this.view, x: box.x + box.width / 2 - width / 2, y: box.y + box.height / 2 - height / 2 });
  }

  private look(view: { x: number; y: number; width: number; height: number }): void {
    this.view = view;
    this.element.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  /** Show all of it, or its upper end where all of it would be too small to read. */
  private fit(): void {
    const { clientWidth, clientHeight } = this.element;
    const { width, height } = this.picture;
    const scale = Math.min(1.25, clientWidth / width, Math.max(clientHeight / height, 0.6));
    const view = { width: clientWidth / scale, height: clientHeight / scale };
    this.look({ x: (width - view.width) / 2, y: Math.min((height - view.height) / 2, 0), ...view });
  }

  private zoom(by: number, where?: Point): void {
    const { x, y, width, height } = this.view;
    const middle = where ?? { x: x + width / 2, y: y + height / 2 };
    this.look({
      x: middle.x - (middle.x - x) / by,
      y: middle.y - (middle.y - y) / by,
      width: width / by,
      height: height / by,
    });
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const area = this.element.getBoundingClientRect();
    const scale = this.view.width / area.width;
    this.zoom(1.0015 ** -event.deltaY, {
      x: this.view.x + (event.clientX - area.left) * scale,
      y: this.view.y + (event.clientY - area.top) * scale,
    });
  }

  private drag(): void {
    let from: { x: number; y: number; view: Point } | null = null;
    this.element.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, y: event.clientY, view: { ...this.view } };
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!from || !(event.buttons & 1)) return;
      const scale = this.view.width / this.element.clientWidth;
      this.look({
        ...this.view,
        x: from.view.x - (event.clientX - from.x) * scale,
        y: from.view.y - (event.clientY - from.y) * scale,
      });
    });
    window.addEventListener("pointerup", () => {
      from = null;
    });
  }
}

function wire(one: Wire): SVGElement[] {
  const shape = line<Point>()
    .x((point) => point.x)
    .y((point) => point.y)
    .curve(curveBasis);
  const path = svg("path", { class: "wire", d: shape(one.points), "marker-end": one.ends ? "url(#arrow)" : null });
  return one.label ? [path, text(one.label.x, one.label.y + 4, one.text, "shape")] : [path];
}

function text(x: number, y: number, said: string, kind: string, anchor = "middle"): SVGTextElement {
  return svg("text", { x, y, class: kind, "text-anchor": anchor }, said);
}

const short = (words: string): string =>
  words.length > LONGEST ? `${words.slice(0, LONGEST / 2)}…${words.slice(1 - LONGEST / 2)}` : words;
