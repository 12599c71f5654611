// What is alive at one moment, as a table: the largest first, by who made it.

import { html } from "./dom";
import { bytes, share } from "./format";
import type { Alive } from "./heights";

/** So many have a row of their own. */
const NAMED = 8;

/** A table of what is `alive`, of `total` bytes; `link` makes a row's name lead to it. */
export function aliveTable(alive: readonly Alive[], total: number, link: (row: number) => HTMLElement): HTMLElement {
  const numbers = (size: number): HTMLElement[] =>
    [bytes(size), share(size, total)].map((text) => html("td", { class: "number" }, text));
  const rows = alive.slice(0, NAMED).map(({ kind, size, owner, ops }) => {
    const swatch = html("span", { class: `swatch kind-${kind}` });
    const name = html("th", { scope: "row" }, owner >= 0 ? link(owner) : "—");
    return html("tr", {}, html("td", {}, swatch, kind), name, html("td", {}, [...ops].join(", ")), ...numbers(size));
  });
  const rest = alive.slice(NAMED).reduce((sum, one) => sum + one.size, 0);
  if (rest) {
    const name = html("th", { scope: "row" }, `${alive.length - NAMED} more`);
    rows.push(html("tr", {}, html("td"), name, html("td"), ...numbers(rest)));
  }
  const headings = ["Kind", "Made by", "Operator", "Bytes", "Share"].map((text, i) =>
    html("th", { scope: "col", class: i > 2 ? "number" : null }, text),
  );
  const head = html("thead", {}, html("tr", {}, ...headings));
  return html("table", { "aria-label": "What is alive there" }, head, html("tbody", {}, ...rows));
}
