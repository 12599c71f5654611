// What there is to say of the chosen row.

import type { Chosen } from "./chosen";
import { at, type Data, type Tree } from "./data";
import { button, html, panel } from "./dom";

export function details(data: Data, tree: Tree, chosen: Chosen): HTMLElement {
  const { section, body } = panel("row", "Chosen layer");
  const show = (row: number): void => {
    const one = at(data.rows, row);
    const above: HTMLElement[] = [];
    for (let up = at(tree.parents, row); up >= 0; up = at(tree.parents, up)) {
      const to = up;
      above.unshift(button(at(data.rows, up).name || data.name, () => chosen.choose(to, "details"), { class: "link" }));
    }
    const path = html("code", {}, one.path || (one.kind === "module" ? data.name : `${one.type}()`));
    const said = html("span", { role: "status" });
    const copy = button("Copy path", () => copyText(one.path, said));
    const facts = html("dl");
    const fact = (name: string, text: string, title = ""): void => {
      if (text && text !== "·")
        facts.append(html("div", { title: title || null }, html("dt", {}, name), html("dd", {}, text)));
    };
    fact("In", one.inputs.join(", "));
    fact("Out", one.outputs.join(", "));
    for (const column of data.columns) {
      if (!["input", "output", "dtype"].includes(column.name))
        fact(column.heading, column.texts[row] ?? "", column.means);
    }
    for (const [name, text] of Object.entries(one.attributes)) fact(name.replaceAll("_", " "), text);
    body.replaceChildren(
      html("nav", { class: "crumbs", "aria-label": "Layers that hold it" }, ...above),
      html(
        "div",
        { class: "title" },
        path,
        html(
          "span",
          { class: "type" },
          [one.kind === "function" ? `${one.type}()` : one.type, one.geometry].join(" ").trim(),
        ),
        one.remark ? html("i", {}, one.remark) : null,
        one.path ? copy : null,
        said,
      ),
      facts,
    );
  };
  chosen.watch(show);
  show(chosen.row);
  return section;
}

async function copyText(text: string, said: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "copied";
  } catch {
    said.textContent = "the browser does not let pages copy: select the path";
  }
}
