// The receptive field on the input: the box that one unit of the chosen row sees, moved over the row's output.

import { fieldOf, hasLocal, inWords, type Seen, seen, unitsOf, type Way } from "./box";
import type { Chosen } from "./chosen";
import { at, type Data, type Field, type Interval, label, type Units } from "./data";
import { choice, html, panel } from "./dom";
import { drawOutput, Plane } from "./plane";

export function fields(data: Data, chosen: Chosen): HTMLElement {
  return new Fields(data, chosen).section;
}

class Fields {
  readonly section: HTMLElement;
  private readonly body: HTMLElement;
  private way: Way = "strict";
  private units: Units | null = null;
  private index: number[] = [];
  private slice: number[] = [];
  private redraw: () => void = () => {};

  constructor(
    private readonly data: Data,
    chosen: Chosen,
  ) {
    const { section, body } = panel("field", "What a unit sees");
    this.section = section;
    this.body = body;
    chosen.watch((row) => this.show(row));
    this.show(chosen.row);
  }

  private show(row: number): void {
    const field = fieldOf(this.data, row);
    const name = label(this.data, row);
    if (!field) {
      this.body.replaceChildren(html("p", { class: "empty" }, `${name} does not depend on positions of an input.`));
      return;
    }
    const before = this.units;
    this.units = unitsOf(this.data, row);
    if (this.units !== before || !this.units)
      this.index = (this.units?.sizes ?? []).map((size) => Math.floor(size / 2));
    this.slice = [];
    if (this.units) this.drawUnits(name, field, this.units);
    else this.drawCenter(name, field);
  }

  private drawUnits(name: string, field: Field, units: Units): void {
    const names = axisNames(field, this.lengths(field).length);
    const local = hasLocal(units);
    const input = new Plane(this.lengths(field), names, this.data.picture ?? null, this.margins(units));
    const output = html("div", { class: "output" });
    const said = html("p", { class: "said", role: "status" });
    const slices = html("div", { class: "slices" });
    const numbers = units.sizes.map((size, axis) => this.number(size, axis));
    this.redraw = (): void => {
      const one = seen(units, this.index, local ? this.way : "strict");
      input.draw(one, this.sliced(one, this.lengths(field)));
      for (const [axis, made] of numbers.entries()) made.value = String(at(this.index, axis));
      said.textContent = `Unit ${this.index.join(", ")} of ${name} ${inWords(one, names)}.`;
      drawOutput(output, units.sizes, this.index);
    };
    this.slicers(slices, this.lengths(field), names);
    output.addEventListener("pointermove", (event) => this.move(event, output, units.sizes));
    output.addEventListener("pointerdown", (event) => this.move(event, output, units.sizes));
    const ways = [
      ["strict", "All that it depends on"],
      ["local", "Global operators set aside"],
    ] as const;
    const head = html("div", { class: "controls" }, html("span", {}, "Unit"), ...numbers);
    if (local) {
      head.append(
        choice("Which dependence", ways, this.way, (way) => {
          this.way = way;
          this.redraw();
        }),
      );
    }
    this.body.replaceChildren(
      head,
      html(
        "div",
        { class: "planes" },
        html("figure", {}, html("figcaption", {}, caption(field, this.lengths(field))), input.element, slices),
        html("figure", {}, html("figcaption", {}, `Output: ${units.sizes.join("×")} units, move over them`), output),
      ),
      said,
      ...remarks(field),
    );
    this.redraw();
  }

  private drawCenter(name: string, field: Field): void {
    const lengths = this.lengths(field);
    const names = axisNames(field, lengths.length);
    const center = field.center ?? lengths.map(() => null);
    const one: Seen = { box: center, nominal: lengths.map(() => null) };
    const input = new Plane(
      lengths,
      names,
      this.data.picture ?? null,
      lengths.map(() => 0),
    );
    input.draw(one, true);
    const why = field.status === "unknown" ? "What it depends on is not known; the box is all that can be said." : "";
    const which = this.data.units
      ? "Of its units only the one that sees most is known here."
      : "This report was saved without its units, which --json-sections units keeps: the box is that of the centre unit.";
    this.body.replaceChildren(
      html("figure", {}, html("figcaption", {}, caption(field, lengths)), input.element),
      html("p", { class: "said", role: "status" }, `The centre unit of ${name} ${inWords(one, names)}.`),
      html("p", {}, why || which),
      ...remarks(field),
    );
  }

  private lengths(field: Field): number[] {
    const input = this.data.inputs.find((one) => one.name === field.input);
    return field.axes.map((axis) => input?.shape[axis] ?? 1);
  }

  /** How many cells outside of the input are shown along each axis. */
  private margins(units: Units): number[] {
    return units.along.map((axis) => {
      let most = 0;
      let total = 1;
      for (const run of axis.nominal ?? []) {
        if (typeof run === "number") continue;
        const ends = [run[0], run[0] + run[2] * (run[4] - 1)];
        most = Math.max(most, ...ends.map((end) => -end));
        total = Math.max(total, run[1] - run[0]);
      }
      return Math.max(0, Math.min(most, total));
    });
  }

  private number(size: number, axis: number): HTMLInputElement {
    const made = html("input", {
      type: "number",
      min: 0,
      max: size - 1,
      "aria-label": `Unit along axis ${axis + 1} of the output, 0 to ${size - 1}`,
      input: () => {
        const value = Math.round(Number(made.value));
        if (made.value === "" || !Number.isFinite(value)) return;
        this.index[axis] = Math.min(Math.max(value, 0), size - 1);
        this.redraw();
      },
    });
    return made;
  }

  private move(event: PointerEvent, output: HTMLElement, sizes: readonly number[]): void {
    const area = output.querySelector(".units")?.getBoundingClientRect();
    if (!area) return;
    const place = (start: number, span: number, where: number, size: number): number =>
      Math.min(Math.max(Math.floor(((where - start) / span) * size), 0), size - 1);
    const last = sizes.length - 1;
    this.index[last] = place(area.left, area.width, event.clientX, at(sizes, last));
    if (last > 0) this.index[last - 1] = place(area.top, area.height, event.clientY, at(sizes, last - 1));
    this.redraw();
  }

  /** Sliders for the axes of the input that a plane does not have. */
  private slicers(slices: HTMLElement, lengths: readonly number[], names: readonly string[]): void {
    for (let axis = 0; axis < lengths.length - 2; axis++) {
      const slider = html("input", {
        type: "range",
        min: 0,
        max: at(lengths, axis) - 1,
        "aria-label": `Slice of the input along ${names[axis]}`,
        input: () => {
          this.slice[axis] = Number(slider.value);
          this.redraw();
        },
      });
      const told = html("output");
      slices.append(html("label", {}, `${names[axis]} `, slider, told));
      const draw = this.redraw;
      this.redraw = (): void => {
        draw();
        const where = this.slice[axis] ?? middle(this.units && seen(this.units, this.index, this.way).box[axis]);
        slider.value = String(where);
        told.textContent = `slice ${where}`;
      };
    }
  }

  /** Whether the slices that are shown go through the box. */
  private sliced(one: Seen, lengths: readonly number[]): boolean {
    return lengths.slice(0, -2).every((_, axis) => {
      const [where, span] = [this.slice[axis], one.box[axis]];
      return where === undefined || (span != null && span[0] <= where && where <= span[1]);
    });
  }
}

const middle = (span: Interval | null | undefined): number => (span ? Math.floor((span[0] + span[1]) / 2) : 0);

function axisNames(field: Field, count: number): string[] {
  const usual = { 1: ["positions"], 2: ["rows", "columns"], 3: ["slices", "rows", "columns"] }[count];
  return field.axis_labels ?? usual ?? field.axes.map((axis) => `axis ${axis}`);
}

function caption(field: Field, lengths: readonly number[]): string {
  return `Input${field.input === "input" ? "" : ` ${field.input}`}: ${lengths.join("×")}`;
}

function remarks(field: Field): HTMLElement[] {
  const said: string[] = [];
  const via = field.global_via
    ? `${field.global_via.op}${field.global_via.path ? ` in ${field.global_via.path}` : ""}`
    : "";
  if (field.status === "global") said.push(`The field is the whole input, through ${via}.`);
  if (field.status === "upper_bound")
    said.push("The boxes are bounds: nothing outside is read, not all inside need be.");
  if (field.status === "data_dependent") said.push(`Values decide what is read inside the boxes, through ${via}.`);
  const { size, size_min } = field.size ? field : (field.local ?? field);
  if (size && size_min && size.some((most, axis) => most !== size_min[axis])) {
    said.push(`Units differ by channel or phase: ${size_min.join("×")} to ${size.join("×")} positions.`);
  }
  if (!field.aligned) said.push("Merged branches have different strides: there is no one size and stride.");
  return said.map((text) => html("p", {}, text));
}
