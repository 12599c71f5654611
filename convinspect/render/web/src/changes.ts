// What differs between two reports: said for each row, listed, and marked in the tree.

import type { Chosen } from "./chosen";
import { at, type Comparison, type Data, label, type Pair, treeOf } from "./data";
import { button, html, panel } from "./dom";

export type Side = "before" | "after";

/** The column that shows what a facet is of. */
const COLUMNS: Record<string, string> = { field: "rf" };
const LISTED = 200;

const isMade = (pair: Pair): boolean => pair.itself || ["added", "removed", "renamed", "moved"].includes(pair.status);

/** The two reports of a page, and which row of one is which of the other. */
export class Changes {
  readonly made: readonly Pair[];
  private readonly byRow: Record<Side, Map<number, Pair>> = { before: new Map(), after: new Map() };

  constructor(
    readonly comparison: Comparison,
    private readonly after: Data,
  ) {
    for (const pair of comparison.pairs) {
      if (pair.before !== null) this.byRow.before.set(pair.before, pair);
      if (pair.after !== null) this.byRow.after.set(pair.after, pair);
    }
    this.made = this.found();
  }

  data(side: Side): Data {
    return side === "after" ? this.after : this.comparison.before;
  }

  /** What became of a row, one word: `follows` where others are the reason; nothing where it is as it was. */
  mark(side: Side, row: number): string {
    const pair = this.byRow[side].get(row);
    if (!pair || pair.status === "unchanged") return "";
    return isMade(pair) ? pair.status : "follows";
  }

  /** The same row on the other side, or the nearest before it that is there. */
  across(from: Side, row: number): number {
    const to = from === "after" ? "before" : "after";
    for (let near = row; near >= 0; near--) {
      const place = this.byRow[from].get(near)?.[to] ?? null;
      if (place !== null) return place;
    }
    return 0;
  }

  /** Those that were made, and do not follow from others; what is below an added or removed row goes with it. */
  private found(): Pair[] {
    const trees = { before: treeOf(this.comparison.before.rows), after: treeOf(this.after.rows) };
    return this.comparison.pairs.filter((pair) => {
      const side = pair.after === null ? "before" : "after";
      const above = this.byRow[side].get(trees[side].parents[pair[side] ?? 0] ?? -1);
      return isMade(pair) && !(above && isMade(above) && above.status === pair.status && pair.status !== "changed");
    });
  }

  /** What differs, in words: `Params 260 → 520`. */
  words(pair: Pair): string {
    const { before, after } = pair;
    const [old, now] = [this.comparison.before, this.after];
    const kind = (data: Data, row: number): string =>
      `${at(data.rows, row).type} ${at(data.rows, row).geometry}`.trim();
    if (before === null || after === null) return before === null ? kind(now, after ?? 0) : kind(old, before);
    const said: string[] = [];
    const told = (name: string, one: string, two: string): void => {
      if (one !== two) said.push(`${name} ${one || "none"} → ${two || "none"}`.trim());
    };
    told("", at(old.rows, before).path, at(now.rows, after).path);
    told("", kind(old, before), kind(now, after));
    for (const facet of pair.facets) {
      const name = COLUMNS[facet] ?? facet;
      const column = now.columns.find((one) => one.name === name);
      const other = old.columns.find((one) => one.name === name);
      if (column && other) told(column.heading, other.texts[before] ?? "", column.texts[after] ?? "");
    }
    return said.join(", ");
  }
}

/** The changes as a table; a row of it chooses the layer, on the side where it is. */
export function listed(
  changes: Changes,
  chosen: Chosen,
  side: Side,
  turn: (side: Side, row: number) => void,
): HTMLElement {
  const { section, body } = panel("changes", "What changed");
  const made = changes.made;
  const go = (pair: Pair): void => {
    const row = pair[side];
    const other = side === "after" ? "before" : "after";
    if (row !== null) chosen.choose(row, "changes");
    else turn(other, pair[other] ?? 0);
  };
  const rows = made.slice(0, LISTED).map((pair) => {
    const from = pair.after !== null ? "after" : "before";
    const name = label(changes.data(from), pair[from] ?? 0);
    return html(
      "tr",
      { class: pair.status },
      html("td", {}, html("span", { class: "mark" }, pair.status)),
      html(
        "th",
        { scope: "row" },
        button(name, () => go(pair), { class: "link" }),
      ),
      html("td", {}, changes.words(pair)),
    );
  });
  if (made.length > LISTED) rows.push(html("tr", {}, html("td", { colspan: 3 }, `${made.length - LISTED} more`)));
  const follow = changes.comparison.pairs.filter((pair) => pair.status !== "unchanged" && !isMade(pair)).length;
  const [before, after] = changes.comparison.labels;
  const headings = ["", "Layer", "What"].map((text) => html("th", { scope: "col" }, text));
  body.append(
    html(
      "p",
      { class: "said" },
      `From ${before} to ${after}: ${made.length} ${made.length === 1 ? "change" : "changes"}, from which ${follow} more rows differ.`,
    ),
    made.length
      ? html(
          "div",
          { class: "list" },
          html("table", {}, html("thead", {}, html("tr", {}, ...headings)), html("tbody", {}, ...rows)),
        )
      : html("p", { class: "empty" }, "Nothing else differs."),
  );
  return section;
}
