// The report as `page_data.py` writes it down, and what hangs together in it.

export type Interval = readonly [number, number];
/** `[lo, hi, step of lo, step of hi, count]`, or a count of units that see nothing. */
export type Run = [number, number, number, number, number] | number;

export interface Row {
  path: string;
  name: string;
  type: string;
  geometry: string;
  remark: string;
  kind: "module" | "function";
  call: number;
  level: number;
  shown: boolean;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, string>;
  params: number;
  macs: number | null;
  allocated: number | null;
  saved: number | null;
  own: [number, number | null, number | null, number | null];
}

export interface Column {
  name: string;
  heading: string;
  means: string;
  left: boolean;
  /** Whether a bar behind the number shows its share of the whole. */
  bar: boolean;
  shown: boolean;
  texts: string[];
  values: (number | null)[] | null;
}

export interface LocalField {
  size: (number | null)[] | null;
  size_min: (number | null)[] | null;
  jump: (number | string | null)[] | null;
  start: (number | null)[] | null;
  center: (Interval | null)[] | null;
}

export interface Field extends LocalField {
  input: string;
  axes: number[];
  local: LocalField | null;
  coverage: number[] | null;
  global_via: { path: string; op: string } | null;
  aligned: boolean;
  status: string;
  axis_labels: string[] | null;
}

export interface AxisUnits {
  axes: number[];
  box: Run[];
  local: Run[] | null;
  nominal: Run[] | null;
}

export interface Units {
  input: string;
  axes: number[];
  sizes: number[];
  along: AxisUnits[];
}

export interface Timeline {
  phases: string[];
  owners: number[];
  op_of: number[];
  /** Kind, bytes, owner, operator, born, died. */
  allocations: [string, number, number, number, number, number | null][];
  ops: string[];
}

export interface Data {
  name: string;
  heading: string[];
  made: string;
  facts: [string, string, string][];
  notes: string[];
  inputs: { name: string; shape: number[]; dtype: string }[];
  columns: Column[];
  rows: Row[];
  groups: { rows: number[]; name: string }[];
  fields: Field[];
  field_of: (number | null)[];
  graph: [number, number][] | null;
  timeline: { inference: Timeline; training: Timeline | null } | null;
  units: { layers: (number | null)[]; distinct: Units[] } | null;
  picture?: string | null;
  comparison?: Comparison;
}

/** Another report beside this one; `before` and `after` are places of rows. */
export interface Comparison {
  labels: [string, string];
  before: Data;
  pairs: Pair[];
}

export interface Pair {
  before: number | null;
  after: number | null;
  status: string;
  itself: boolean;
  facets: string[];
}

/** Who holds whom: `ends[i]` is one after the last row below row `i`. */
export interface Tree {
  parents: number[];
  ends: number[];
  children: number[][];
  tops: number[];
}

export function treeOf(rows: readonly Row[]): Tree {
  const parents: number[] = [];
  const ends = rows.map(() => rows.length);
  const children: number[][] = rows.map(() => []);
  const tops: number[] = [];
  const open: number[] = [];
  for (const [index, row] of rows.entries()) {
    while (open.length && at(rows, at(open, open.length - 1)).level >= row.level) ends[open.pop() as number] = index;
    const parent = open.at(-1) ?? -1;
    parents.push(parent);
    (parent < 0 ? tops : at(children, parent)).push(index);
    open.push(index);
  }
  return { parents, ends, children, tops };
}

/** The item at `index`, which is there. */
export function at<T>(list: readonly T[], index: number): T {
  if (index < 0 || index >= list.length) throw new RangeError(`no item ${index} of ${list.length}`);
  return list[index] as T;
}

/** The interval of unit `index`; null: it sees nothing. */
export function interval(runs: readonly Run[], index: number): Interval | null {
  let left = index;
  for (const run of runs) {
    const count = typeof run === "number" ? run : run[4];
    if (left < count) return typeof run === "number" ? null : [run[0] + run[2] * left, run[1] + run[3] * left];
    left -= count;
  }
  throw new RangeError(`no unit ${index}`);
}

/** What a reader calls a row. */
export function label(data: Data, row: number): string {
  const one = data.rows[row];
  if (one === undefined) return "";
  if (one.kind === "function") return `${one.type}()${one.path ? ` in ${one.path}` : ""}`;
  return one.path || data.name;
}

export function readData(): Data {
  return JSON.parse(document.getElementById("data")?.textContent ?? "") as Data;
}
