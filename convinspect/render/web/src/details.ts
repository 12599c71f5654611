// What there is to say of the chosen row.

import type { Chosen } from "./chosen";
import { at, type Data, type Tree } from "./data";
import { button, html, panel } from "./dom";

/** What the heading says already. */
const SAID = ["input", "output", "dtype"];

type Fact = [name: string, text: string, means?: string];

export function details(data: Data, tree: Tree, chosen: Chosen): HTMLElement {
  const { section, body } = panel("row", "Chosen layer");
  const show = (row: number): void => {
    const one = at(data.rows, row);
    const columns = data.columns.filter((column) => !SAID.includes(column.name));
    const figures = columns.map((column): Fact => [column.heading, column.texts[row] ?? "", column.means]);
    const settings = Object.entries(one.attributes).map(([name, text]): Fact => [name.replaceAll("_", " "), text]);
    const heading = settings.length ? [html("h3", {}, "Settings"), list(settings)] : [];
    const facts: Fact[] = [["In", one.inputs.join(", ")], ["Out", one.outputs.join(", ")], ...figures];
    body.replaceChildren(crumbs(data, tree, chosen, row), title(data, row), list(facts), ...heading);
  };
  chosen.watch(show);
  show(chosen.row);
  return section;
}

function crumbs(data: Data, tree: Tree, chosen: Chosen, row: number): HTMLElement {
  const above: HTMLElement[] = [];
  for (let up = at(tree.parents, row); up >= 0; up = at(tree.parents, up)) {
    const to = up;
    above.unshift(button(at(data.rows, up).name || data.name, () => chosen.choose(to, "details"), { class: "link" }));
  }
  return html("nav", { class: "crumbs", "aria-label": "Layers that hold it" }, ...above);
}

function title(data: Data, row: number): HTMLElement {
  const one = at(data.rows, row);
  const kind = one.kind === "function" ? `${one.type}()` : one.type;
  const said = html("span", { role: "status" });
  return html(
    "div",
    { class: "title" },
    html("code", {}, one.path || (one.kind === "module" ? data.name : kind)),
    html("span", { class: "type" }, `${kind} ${one.geometry}`.trim()),
    one.remark ? html("i", {}, one.remark) : null,
    one.path ? button("Copy path", () => copyText(one.path, said)) : null,
    said,
  );
}

/** What has something to say, as a list of names and texts. */
function list(facts: readonly Fact[]): HTMLElement {
  const items = facts
    .filter(([, text]) => text && text !== "·")
    .map(([name, text, means]) => html("div", { title: means ?? null }, html("dt", {}, name), html("dd", {}, text)));
  return html("dl", {}, ...items);
}

async function copyText(text: string, said: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "copied";
  } catch {
    said.textContent = "the browser does not let pages copy: select the path";
  }
}
