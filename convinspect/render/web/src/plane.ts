// The input and the output of a row as planes: cells with lines between them, boxes and units on them.

import { tickIncrement } from "d3-array";
import { length, type Seen } from "./box";
import { at, type Interval } from "./data";
import { svg } from "./dom";

/** Up to so many cells along an axis each has its lines. */
const LINED = 48;
/** About so many lines are drawn over a longer axis. */
const LINES = 14;
/** At most this share of an axis is shown outside of it. */
const OUTSIDE = 0.5;

/** The input, its last two axes as a plane, with the box on it. */
export class Plane {
  readonly element: SVGSVGElement;
  private readonly box = svg("g", { class: "boxes" });
  private readonly height: number;

  constructor(
    private readonly lengths: readonly number[],
    names: readonly string[],
    picture: string | null,
    margins: readonly number[],
  ) {
    const width = at(lengths, lengths.length - 1);
    const flat = lengths.length < 2;
    const height = flat ? Math.max(1, width / 12) : at(lengths, lengths.length - 2);
    this.height = height;
    const [around, above] = [limited(margins.at(-1) ?? 0, width), flat ? 0 : limited(margins.at(-2) ?? 0, height)];
    this.element = svg("svg", {
      class: "plane",
      role: "img",
      "aria-label": `Input, ${names.join(" by ")}`,
      viewBox: `${-around} ${-above} ${width + 2 * around} ${height + 2 * above}`,
      preserveAspectRatio: flat || width / height > 12 || height / width > 3 ? "none" : "xMidYMid meet",
    });
    this.element.append(
      svg("rect", { class: "outside", x: -around, y: -above, width: width + 2 * around, height: height + 2 * above }),
      svg("rect", { class: "inside", x: 0, y: 0, width, height }),
    );
    if (picture)
      this.element.append(svg("image", { href: picture, x: 0, y: 0, width, height, preserveAspectRatio: "none" }));
    this.element.append(grid(width, flat ? 0 : height, height), this.box);
    this.element.style.aspectRatio = flat
      ? "12"
      : String(Math.min(Math.max((width + 2 * around) / (height + 2 * above), 0.4), 12));
  }

  draw(one: Seen, sliced: boolean): void {
    const flat = this.lengths.length < 2;
    const [x, y] = [one.box.at(-1) ?? null, flat ? null : (one.box.at(-2) ?? null)];
    const [wide, high] = [one.nominal.at(-1) ?? null, flat ? null : (one.nominal.at(-2) ?? null)];
    const drawn: SVGElement[] = [];
    if (wide && (flat || high)) drawn.push(this.rectangle("nominal", wide, high));
    if (x && (flat || y) && one.box.every(Boolean)) drawn.push(this.rectangle(sliced ? "box" : "box elsewhere", x, y));
    this.box.replaceChildren(...drawn);
  }

  private rectangle(kind: string, x: Interval, y: Interval | null): SVGElement {
    const [top, height] = y ? [y[0], length(y)] : [0, this.height];
    return svg("rect", { class: kind, x: x[0], y: top, width: length(x), height });
  }
}

const limited = (margin: number, size: number): number => Math.min(margin, Math.ceil(OUTSIDE * size));

function grid(width: number, rows: number, height: number): SVGPathElement {
  const lines: string[] = [];
  const step = (cells: number): number => (cells <= LINED ? 1 : tickIncrement(0, cells, LINES));
  for (let x = step(width); x < width; x += step(width)) lines.push(`M${x} 0V${height}`);
  for (let y = step(rows); y < rows; y += step(rows)) lines.push(`M0 ${y}H${width}`);
  return svg("path", { class: "grid", d: lines.join("") });
}

/** Draw the units of an output of `sizes`, the one at `index` marked. */
export function drawOutput(output: HTMLElement, sizes: readonly number[], index: readonly number[]): void {
  const last = sizes.length - 1;
  const width = at(sizes, last);
  const flat = last === 0;
  const height = flat ? Math.max(1, width / 12) : at(sizes, last - 1);
  // Of many units one would hardly be seen.
  const [wide, high] = [Math.max(1, width / 120), Math.max(1, height / 120)];
  const plane = svg("svg", {
    class: "plane units",
    role: "img",
    "aria-label": "Units of the output",
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
  });
  plane.append(
    svg("rect", { class: "inside", width, height }),
    grid(width, flat ? 0 : height, height),
    svg("rect", {
      class: "unit",
      x: at(index, last) + 0.5 - wide / 2,
      y: flat ? 0 : at(index, last - 1) + 0.5 - high / 2,
      width: wide,
      height: flat ? height : high,
    }),
  );
  plane.style.aspectRatio = flat ? "12" : String(Math.min(Math.max(width / height, 0.4), 12));
  output.replaceChildren(plane);
}
