// The page: heading, the tree on one side, pictures on the other, one choice for all of them.

import { fieldOf, unitsOf } from "./box";
import { Chosen } from "./chosen";
import { type Data, type Field, readData, treeOf } from "./data";
import { details } from "./details";
import { choice, html } from "./dom";
import { fields } from "./field";
import { graph } from "./graph";
import { memory } from "./memory";
import { table } from "./table";
import { treemap } from "./treemap";

function heading(data: Data): HTMLElement {
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
  const facts = data.facts.map(([name, value, more]) =>
    html("div", {}, html("dt", {}, name), html("dd", {}, html("b", {}, value), html("small", {}, more))),
  );
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

function start(): void {
  const data = readData();
  document.title = `${data.name} · convinspect`;
  const tree = treeOf(data.rows);
  const chosen = new Chosen(firstChoice(data));
  const links = ["layers", "field", "memory", "graph", "map"].map((id) =>
    html("a", { href: `#${id}` }, `Skip to ${id}`),
  );
  const pictures = html("div", { class: "pictures" });
  document.body.append(
    html("nav", { class: "skip", "aria-label": "Parts of the page" }, ...links),
    heading(data),
    html("main", {}, html("div", { class: "side" }, notes(data), table(data, tree, chosen)), pictures),
    html("footer", {}, data.made),
  );
  // Those that are measured when they are drawn need their place on the page.
  for (const make of [details, fieldsPanel, memory, graph, treemap]) pictures.append(make(data, tree, chosen));
}

const fieldsPanel = (data: Data, _: unknown, chosen: Chosen): HTMLElement => fields(data, chosen);

start();
