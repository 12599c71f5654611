// The page: heading, the tree on one side, pictures on the other, one choice for all of them.

import { fieldOf, unitsOf } from "./box";
import { Changes, listed, type Side } from "./changes";
import { Chosen } from "./chosen";
import { type Data, type Field, readData, treeOf } from "./data";
import { details } from "./details";
import { choice, html } from "./dom";
import { fields } from "./field";
import { graph } from "./graph";
import { memory } from "./memory";
import { table } from "./table";
import { treemap } from "./treemap";

function heading(data: Data, other: Data | null, otherName: string): HTMLElement {
  const theme = choice(
    "Colours",
    [
      ["auto", "Auto"],
      ["light", "Light"],
      ["dark", "Dark"],
    ] as const,
    "auto",
    (name) => document.documentElement.setAttribute("data-theme", name),
  );
  const facts = data.facts.map(([name, value, more]) => {
    const was = other?.facts.find(([one]) => one === name)?.[1];
    const beside = was !== undefined && was !== value ? html("small", {}, `${otherName}: ${was}`) : null;
    return html("div", {}, html("dt", {}, name), html("dd", {}, html("b", {}, value), beside, html("small", {}, more)));
  });
  return html(
    "header",
    { class: "top" },
    html("div", {}, html("h1", {}, data.name), html("p", {}, data.heading[0] ?? "")),
    theme,
    html("dl", { class: "facts" }, ...facts),
  );
}

function notes(data: Data): HTMLElement | null {
  if (!data.notes.length) return null;
  const list = data.notes.map((note) => html("li", {}, note));
  return html(
    "details",
    { class: "notes", open: list.length < 4 },
    html("summary", {}, `What to know of these numbers (${list.length})`),
    html("ul", {}, ...list),
  );
}

/** Whether one unit sees at most a good part of the input. */
function isPart(field: Field | null): boolean {
  return field?.status === "exact" && (field.coverage ?? []).reduce((share, one) => share * one, 1) < 0.4;
}

/** The last row whose unit sees a part of the input only; what it sees is worth a look. */
function firstChoice(data: Data): number {
  const found = data.rows.findLastIndex(
    (row, i) => row.kind === "module" && isPart(fieldOf(data, i)) && unitsOf(data, i) !== null,
  );
  return Math.max(found, 0);
}

/** The parts of the page for one report; of two, the one that is looked at. */
function show(data: Data, row: number, two: { changes: Changes; side: Side; turn: Turn } | null): void {
  const tree = treeOf(data.rows);
  const chosen = new Chosen(row);
  const ids = ["layers", "field", "memory", "graph", "map"];
  const links = ids.map((id) => html("a", { href: `#${id}` }, `Skip to ${id}`));
  const pictures = html("div", { class: "pictures" });
  const marks = two ? (at: number) => two.changes.mark(two.side, at) : null;
  const name = two?.side === "after" ? "before" : "after";
  const other = two ? two.changes.data(name) : null;
  const changed = two ? listed(two.changes, chosen, two.side, (side, at) => two.turn(side, at)) : null;
  document.querySelector("#page")?.remove();
  document.body.append(
    html(
      "div",
      { id: "page" },
      html("nav", { class: "skip", "aria-label": "Parts of the page" }, ...links),
      heading(data, other, name),
      two ? sides(two.changes, two.side, (side) => two.turn(side, two.changes.across(two.side, chosen.row))) : null,
      html("main", {}, html("div", { class: "side" }, notes(data), table(data, tree, chosen, marks)), pictures),
      html("footer", {}, data.made),
    ),
  );
  // Those that are measured when they are drawn need their place on the page.
  if (changed) pictures.append(changed);
  pictures.append(details(data, tree, chosen), fields(data, chosen), memory(data, tree, chosen, other));
  pictures.append(graph(data, tree, chosen, marks), treemap(data, tree, chosen));
}

type Turn = (side: Side, row: number) => void;

function sides(changes: Changes, side: Side, turn: (side: Side) => void): HTMLElement {
  const [before, after] = changes.comparison.labels;
  const options = [
    ["before", `Before: ${before}`],
    ["after", `After: ${after}`],
  ] as const;
  return html("div", { class: "sides" }, choice("Which of the two", options, side, turn));
}

function start(): void {
  const data = readData();
  document.title = `${data.name} · convinspect`;
  if (!data.comparison) {
    show(data, firstChoice(data), null);
    return;
  }
  const changes = new Changes(data.comparison, data);
  const turn = (side: Side, row: number): void => show(changes.data(side), row, { changes, side, turn });
  turn("after", changes.made.find((pair) => pair.after !== null)?.after ?? firstChoice(data));
}

start();
