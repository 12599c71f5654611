// The rows as a tree: what is open, what is looked for, how it is sorted; which lines that gives.

import { at, type Data, type Tree } from "./data";

/** A line: a row, or a group of equal siblings (an entry after the rows). */
export interface Line {
  entry: number;
  row: number;
  level: number;
  opens: boolean;
  open: boolean;
}

export interface Sorting {
  column: string;
  up: boolean;
}

export class View {
  readonly open = new Set<number>();
  wanted = "";
  sorting: Sorting | null = null;
  together = true;
  everything = false;
  private readonly groupOf = new Map<number, number>();
  private readonly texts: string[];

  constructor(
    private readonly data: Data,
    private readonly tree: Tree,
  ) {
    for (const [number, group] of data.groups.entries()) this.groupOf.set(at(group.rows, 0), number);
    this.texts = data.rows.map((row) =>
      [row.path, row.type, row.geometry, ...row.outputs, row.remark].join(" ").toLowerCase(),
    );
    this.openUntil(30);
  }

  /** Open levels from the outermost on while no more than `lines` are there. */
  openUntil(lines: number): void {
    this.open.clear();
    const deepest = this.data.rows.reduce((most, row) => Math.max(most, row.level), 0);
    for (let level = 0; level < deepest; level++) {
      const added = [...this.data.rows.keys()].filter((row) => at(this.data.rows, row).level === level);
      for (const row of added) this.open.add(row);
      if (this.lines().length > lines && level > 0) {
        for (const row of added) this.open.delete(row);
        return;
      }
    }
  }

  openAll(): void {
    for (const row of this.data.rows.keys()) this.open.add(row);
    for (const number of this.data.groups.keys()) this.open.add(this.data.rows.length + number);
  }

  /** Open all that holds `row`, so that it has a line. */
  reveal(row: number): void {
    for (let above = at(this.tree.parents, row); above >= 0; above = at(this.tree.parents, above)) this.open.add(above);
    for (const [number, group] of this.data.groups.entries()) {
      const last = at(this.tree.ends, at(group.rows, group.rows.length - 1));
      if (at(group.rows, 0) < row && row < last) this.open.add(this.data.rows.length + number);
    }
    if (!at(this.data.rows, row).shown) this.everything = true;
  }

  lines(): Line[] {
    if (this.sorting) return this.sorted(this.sorting);
    const kept = this.wanted ? this.matching() : null;
    const found: Line[] = [];
    this.walk(this.tree.tops, 0, kept, found);
    return found;
  }

  /** How many rows match what is looked for. */
  matches(): number {
    return this.texts.filter((text) => this.matchesText(text)).length;
  }

  private matchesText(text: string): boolean {
    return this.wanted.split(/\s+/).every((word) => text.includes(word));
  }

  private matching(): Set<number> {
    const kept = new Set<number>();
    for (const [row, text] of this.texts.entries()) {
      if (!this.matchesText(text)) continue;
      for (let above = row; above >= 0 && !kept.has(above); above = at(this.tree.parents, above)) kept.add(above);
    }
    return kept;
  }

  private walk(rows: readonly number[], level: number, kept: Set<number> | null, found: Line[]): void {
    for (let i = 0; i < rows.length; i++) {
      const row = at(rows, i);
      const number = this.together && !kept ? this.groupOf.get(row) : undefined;
      if (number === undefined) {
        this.one(row, level, kept, found);
        continue;
      }
      const group = at(this.data.groups, number).rows;
      const entry = this.data.rows.length + number;
      const open = this.open.has(entry);
      if (at(this.data.rows, row).shown || this.everything) found.push({ entry, row, level, opens: true, open });
      if (open) for (const member of group) this.one(member, level + 1, kept, found);
      i += group.length - 1;
    }
  }

  private one(row: number, level: number, kept: Set<number> | null, found: Line[]): void {
    if (kept ? !kept.has(row) : !(at(this.data.rows, row).shown || this.everything)) return;
    const below = at(this.tree.children, row);
    const opens = below.some((child) => this.everything || at(this.data.rows, child).shown);
    const open = kept ? below.some((child) => kept.has(child)) : opens && this.open.has(row);
    found.push({ entry: row, row, level, opens: opens || open, open });
    if (open) this.walk(below, level + 1, kept, found);
  }

  /** Rows without rows below them, by a column: where something is computed, the most first. */
  private sorted({ column, up }: Sorting): Line[] {
    const { columns, rows } = this.data;
    const values = columns.find((one) => one.name === column)?.values;
    const texts = columns.find((one) => one.name === column)?.texts;
    const by = values
      ? (a: number, b: number) => (values[b] ?? -1) - (values[a] ?? -1)
      : (a: number, b: number) => (texts?.[a] ?? "").localeCompare(texts?.[b] ?? "", "en", { numeric: true });
    const leaves = [...rows.keys()].filter(
      (row) =>
        !at(this.tree.children, row).length &&
        (this.everything || at(rows, row).shown) &&
        this.matchesText(at(this.texts, row)),
    );
    leaves.sort((a, b) => (up ? by(b, a) : by(a, b)) || a - b);
    return leaves.map((row) => ({ entry: row, row, level: 0, opens: false, open: false }));
  }
}
