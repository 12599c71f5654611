// What one unit of a row sees of the input, in numbers.

import { type AxisUnits, at, type Data, type Field, type Interval, interval, type Units } from "./data";

export type Way = "strict" | "local";

export interface Seen {
  /** Inside the real input; null: nothing. */
  box: (Interval | null)[];
  /** Unclipped; null: not known, or the field is global. */
  nominal: (Interval | null)[];
}

export function unitsOf(data: Data, row: number): Units | null {
  const place = data.units?.layers[row] ?? null;
  return place === null || !data.units ? null : at(data.units.distinct, place);
}

export function fieldOf(data: Data, row: number): Field | null {
  const place = data.field_of[row] ?? null;
  return place === null ? null : at(data.fields, place);
}

export function hasLocal(units: Units): boolean {
  return units.along.some((axis) => axis.local !== null);
}

/** What the unit at `index` sees. */
export function seen(units: Units, index: readonly number[], way: Way): Seen {
  const each = units.along.map((axis) => {
    const place = placeOf(axis, units.sizes, index);
    const isGlobal = axis.local !== null;
    const runs = way === "local" && axis.local ? axis.local : axis.box;
    const nominal = axis.nominal && !(isGlobal && way === "strict") ? interval(axis.nominal, place) : null;
    return { box: interval(runs, place), nominal };
  });
  return { box: each.map((one) => one.box), nominal: each.map((one) => one.nominal) };
}

function placeOf(axis: AxisUnits, sizes: readonly number[], index: readonly number[]): number {
  return axis.axes.reduce((place, number) => place * at(sizes, number) + at(index, number), 0);
}

export const length = (span: Interval | null): number => (span ? span[1] - span[0] + 1 : 0);

/** In words: which positions, how many, how many of the nominal ones are padding. */
export function inWords(one: Seen, names: readonly string[]): string {
  if (one.box.some((span) => span === null)) return "sees nothing of the input";
  const where = one.box.map((span, i) => `${names[i]} ${span?.[0]}–${span?.[1]}`).join(", ");
  const size = one.box.map(length).join("×");
  const cells = one.box.reduce((product, span) => product * length(span), 1);
  const whole = one.nominal.reduce((product, span) => product * length(span), 1);
  const outside =
    one.nominal.every((span) => span !== null) && whole > cells
      ? `; ${whole - cells} of ${whole} cells are padding`
      : "";
  return `sees ${where} (${size})${outside}`;
}
