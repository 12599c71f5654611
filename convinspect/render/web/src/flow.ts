// Which boxes of the graph are there, and which arrows join them, for the modules that are open.

import { at, type Data, type Tree } from "./data";

/** The box around everything; the inputs are -1, -2 and so on. */
export const ROOT = "root";
/** A box shows so many of its parts; the others are one. */
const MOST = 120;
/** So many boxes fit the screen. */
export const FITTING = 16;

export interface Arrow {
  from: string;
  to: string;
  text: string;
}

/** What is in an open box: names of its parts (`row 3`, `input 1`, `more 3`), and arrows between them. */
export interface Inside {
  parts: string[];
  arrows: Arrow[];
}

export const nameOf = (row: number): string => (row < 0 ? `input ${-row}` : `row ${row}`);
export const IN = "in";
export const OUT = "out";

export class Flow {
  readonly open = new Set<number>();
  private readonly edges: [number, number][];
  /** Rows that have a box: they take part in something, or hold one that does. */
  private readonly boxed = new Set<number>();

  constructor(
    private readonly data: Data,
    private readonly tree: Tree,
    graph: readonly [number, number][],
  ) {
    this.edges = throughHidden(data, graph);
    for (const edge of this.edges) {
      for (let row of edge) for (; row >= 0 && !this.boxed.has(row); row = at(tree.parents, row)) this.boxed.add(row);
    }
    this.openUntil(FITTING);
  }

  opens(row: number): boolean {
    return row >= 0 && at(this.tree.children, row).some((child) => this.boxed.has(child));
  }

  /** Open levels from the outermost on while no more than so many boxes are there. */
  openUntil(boxes: number): void {
    this.open.clear();
    for (let level = 0; ; level++) {
      const added = this.data.rows.flatMap((row, i) =>
        row.level === level && this.boxed.has(i) && this.opens(i) ? [i] : [],
      );
      for (const row of added) this.open.add(row);
      const more = this.data.rows.some((row) => row.level > level);
      if (level > 0 && this.count() > boxes) for (const row of added) this.open.delete(row);
      else if (more) continue;
      return;
    }
  }

  openTo(row: number): void {
    for (let above = at(this.tree.parents, row); above >= 0; above = at(this.tree.parents, above)) this.open.add(above);
  }

  /** The innermost box that shows `row`. */
  shownFor(row: number): string {
    const chain = this.chain(row).reverse();
    let box = at(chain, 0);
    for (const inner of chain.slice(1)) {
      if (!this.open.has(box)) break;
      if (this.part(box, inner) !== nameOf(inner)) return this.part(box, inner);
      box = inner;
    }
    return nameOf(box);
  }

  private count(): number {
    let boxes = 0;
    for (const row of this.boxed) if (this.isVisible(row)) boxes += 1;
    return boxes;
  }

  private isVisible(row: number): boolean {
    const above = at(this.tree.parents, row);
    return above < 0 || (this.open.has(above) && this.isVisible(above));
  }

  /** `row` and all that hold it, from within. */
  private chain(row: number): number[] {
    const found = [row];
    for (let above = row < 0 ? -1 : at(this.tree.parents, row); above >= 0; above = at(this.tree.parents, above))
      found.push(above);
    return found;
  }

  private children(box: number): number[] {
    return at(this.tree.children, box).filter((row) => this.boxed.has(row));
  }

  /** The part of the open `box` that `row`, right in it, stands in. */
  private part(box: number, row: number): string {
    const children = this.children(box);
    return children.length > MOST && children.indexOf(row) >= MOST - 1 ? `more ${box}` : nameOf(row);
  }

  /** What each open box holds, by its name. */
  insides(): Map<string, Inside> {
    const found = new Map<string, Inside>();
    const joined = new Set<string>();
    const tops = this.tree.tops.filter((row) => this.boxed.has(row));
    const inputs = [...new Set(this.edges.map(([from]) => from).filter((from) => from < 0))].sort((a, b) => b - a);
    found.set(ROOT, { parts: [...inputs, ...tops].map(nameOf), arrows: [] });
    for (const row of this.boxed) {
      if (!this.open.has(row) || !this.isVisible(row)) continue;
      const parts = [...new Set(this.children(row).map((child) => this.part(row, child)))];
      found.set(nameOf(row), { parts, arrows: [] });
    }
    const join = (box: string, from: string, to: string, text: string): void => {
      const key = `${box}|${from}|${to}`;
      if (from === to || joined.has(key)) return;
      joined.add(key);
      found.get(box)?.arrows.push({ from, to, text });
    };
    for (const [from, to] of this.edges) this.lift(from, to, join);
    return found;
  }

  /** Draw an edge in every open box that it runs through. */
  private lift(from: number, to: number, join: (box: string, from: string, to: string, text: string) => void): void {
    const text =
      from < 0 ? (this.data.inputs[-from - 1]?.shape.join("x") ?? "") : (at(this.data.rows, from).outputs[0] ?? "");
    const [above, below] = [this.chain(from).reverse(), this.chain(to).reverse()];
    let same = 0;
    while (same < Math.min(above.length, below.length) - 1 && above[same] === below[same]) same++;
    const box = same ? at(above, same - 1) : null;
    const within = (row: number): string => (box === null ? nameOf(row) : this.part(box, row));
    join(box === null ? ROOT : nameOf(box), within(at(above, same)), within(at(below, same)), text);
    for (let i = same + 1; i < above.length; i++) {
      const outer = at(above, i - 1);
      if (this.open.has(outer)) join(nameOf(outer), this.part(outer, at(above, i)), OUT, "");
    }
    for (let i = same + 1; i < below.length; i++) {
      const outer = at(below, i - 1);
      if (this.open.has(outer)) join(nameOf(outer), IN, this.part(outer, at(below, i)), "");
    }
  }
}

/**
 * The edges with operators left out that explain nothing: who reads them reads what they read. Where branches come
 * together is never left out.
 */
function throughHidden(data: Data, graph: readonly [number, number][]): [number, number][] {
  const sources = new Map<number, Set<number>>();
  const hidden = (row: number): boolean => row >= 0 && !at(data.rows, row).shown && (sources.get(row)?.size ?? 0) < 2;
  for (const [from, to] of graph) {
    const into = sources.get(to) ?? new Set();
    sources.set(to, into);
    // Edges come in the order of the rows that read: what a hidden one reads is known before it is read.
    for (const source of hidden(from) ? (sources.get(from) ?? []) : [from]) into.add(source);
  }
  return [...sources].flatMap(([to, from]) => (hidden(to) ? [] : [...from].map((one): [number, number] => [one, to])));
}
