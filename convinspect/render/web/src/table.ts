// The tree on the page: a table of its lines, of which only those in sight are drawn where there are many.

import type { Chosen } from "./chosen";
import { at, type Column, type Data, type Row, type Tree } from "./data";
import { button, html, panel } from "./dom";
import { type Line, View } from "./tree";

const HEIGHT = 28;
/** With more lines than these only those in sight are drawn. */
const MANY = 400;
const AROUND = 30;

/** What became of a row between two reports, one word; nothing where nothing did. */
export type Marks = (row: number) => string;

export function table(data: Data, tree: Tree, chosen: Chosen, marks: Marks | null): HTMLElement {
  return new Table(data, tree, chosen, marks).section;
}

class Table {
  readonly section: HTMLElement;
  private readonly view: View;
  private readonly columns: Set<string>;
  private readonly wholes: Map<string, number>;
  private readonly head = html("thead");
  private readonly body = html("tbody");
  private readonly scroller: HTMLElement;
  private readonly said = html("p", { class: "said", role: "status" });
  private readonly element: HTMLTableElement;
  private readonly search: HTMLInputElement;
  private lines: Line[] = [];
  private active = 0;
  private printing = false;

  constructor(
    private readonly data: Data,
    tree: Tree,
    private readonly chosen: Chosen,
    private readonly marks: Marks | null,
  ) {
    this.view = new View(data, tree);
    const whole = (column: Column) => tree.tops.reduce((sum, row) => sum + (column.values?.[row] ?? 0), 0);
    this.wholes = new Map(data.columns.map((column) => [column.name, whole(column)]));
    this.columns = new Set(data.columns.filter((column) => column.shown).map((column) => column.name));
    this.search = html("input", {
      type: "search",
      placeholder: "Search layers",
      "aria-label": "Search layers by path, type or shape",
      "aria-keyshortcuts": "/",
      input: () => this.look(),
    });
    const tools = [
      this.search,
      this.box("Fold equal layers", this.view.together, (on) => {
        this.view.together = on;
      }),
      this.box("All operators", this.view.everything, (on) => {
        this.view.everything = on;
      }),
      button("Open all", () => this.change(() => this.view.openAll())),
      button("Fold", () => this.change(() => this.view.openUntil(30))),
      this.chooser(),
    ];
    const { section, body } = panel("layers", "Layers", ...tools);
    this.element = html("table", {
      role: "treegrid",
      "aria-label": `Layers of ${data.name}`,
      keydown: (event: KeyboardEvent) => this.press(event),
    });
    this.element.append(this.head, this.body);
    this.scroller = html(
      "div",
      { class: "scroller", scroll: () => this.lines.length > MANY && this.draw() },
      this.element,
    );
    body.append(this.said, this.scroller);
    this.section = section;
    chosen.watch((row, from) => from !== "table" && this.show(row));
    window.addEventListener("beforeprint", () => this.print(true));
    window.addEventListener("afterprint", () => this.print(false));
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
        event.preventDefault();
        this.search.focus();
      }
    });
    this.headings();
    this.view.reveal(chosen.row);
    this.update();
  }

  private box(text: string, on: boolean, act: (on: boolean) => void): HTMLElement {
    const input = html("input", { type: "checkbox", change: () => this.change(() => act(input.checked)) });
    input.checked = on;
    return html("label", {}, input, text);
  }

  private chooser(): HTMLElement {
    const list = html("div", { class: "menu" });
    for (const column of this.data.columns) {
      const input = html("input", {
        type: "checkbox",
        change: () => {
          if (input.checked) this.columns.add(column.name);
          else this.columns.delete(column.name);
          this.headings();
          this.draw();
        },
      });
      input.checked = this.columns.has(column.name);
      list.append(html("label", { title: column.means }, input, column.heading));
    }
    return html("details", { class: "columns" }, html("summary", {}, "Columns"), list);
  }

  private change(act: () => void): void {
    act();
    this.update();
  }

  private look(): void {
    this.view.wanted = this.search.value.trim().toLowerCase();
    this.update();
  }

  private get shown(): Column[] {
    return this.data.columns.filter((column) => this.columns.has(column.name));
  }

  private headings(): void {
    const sorting = this.view.sorting;
    const row = html("tr", { role: "row" });
    const layer = button("Layer", () => this.sort(null), { title: "Show the tree, in order of execution" });
    row.append(html("th", { scope: "col", "aria-sort": sorting ? "none" : "ascending" }, layer));
    for (const column of this.shown) {
      const sorted = sorting?.column === column.name;
      const direction = sorted ? (sorting.up ? "ascending" : "descending") : "none";
      const by = button(column.heading, () => this.sort(column.name), { title: `${column.means}. Click to sort.` });
      row.append(html("th", { scope: "col", "aria-sort": direction, class: column.left ? "" : "number" }, by));
    }
    this.head.replaceChildren(row);
  }

  private sort(column: string | null): void {
    const before = this.view.sorting;
    if (column === null || (before?.column === column && before.up)) this.view.sorting = null;
    else this.view.sorting = { column, up: before?.column === column };
    this.headings();
    this.update();
  }

  private update(): void {
    const entry = this.lines[this.active]?.entry;
    this.lines = this.view.lines();
    const place = this.lines.findIndex((line) => line.entry === entry);
    this.active = place >= 0 ? place : Math.max(0, this.lineOf(this.chosen.row));
    this.element.setAttribute("aria-rowcount", String(this.lines.length + 1));
    this.said.textContent = this.told();
    this.draw();
  }

  private told(): string {
    const rows = this.data.rows.length.toLocaleString("en-US");
    if (this.view.wanted) return `${this.view.matches().toLocaleString("en-US")} of ${rows} rows match`;
    if (this.view.sorting)
      return `${this.lines.length.toLocaleString("en-US")} rows that compute, sorted; Layer shows the tree again`;
    return `${this.lines.length.toLocaleString("en-US")} of ${rows} rows shown`;
  }

  private lineOf(row: number): number {
    const exact = this.lines.findIndex((line) => line.entry === row);
    return exact >= 0 ? exact : this.lines.findIndex((line) => line.row === row);
  }

  private print(on: boolean): void {
    this.printing = on;
    this.draw();
  }

  private draw(): void {
    const all = this.lines.length <= MANY || this.printing;
    const first = all ? 0 : Math.max(0, Math.floor(this.scroller.scrollTop / HEIGHT) - AROUND);
    const seen = Math.ceil(this.scroller.clientHeight / HEIGHT) || 40;
    const last = all ? this.lines.length : Math.min(this.lines.length, first + seen + 2 * AROUND);
    const focused = this.body.contains(document.activeElement);
    const columns = this.shown;
    const rows = this.lines.slice(first, last).map((line, i) => this.row(line, first + i, columns));
    this.body.replaceChildren(
      ...(first ? [spacer(first, columns.length + 1)] : []),
      ...rows,
      ...(last < this.lines.length ? [spacer(this.lines.length - last, columns.length + 1)] : []),
    );
    if (focused) this.element.querySelector<HTMLElement>("tr[tabindex='0']")?.focus({ preventScroll: true });
  }

  private row(line: Line, place: number, columns: readonly Column[]): HTMLTableRowElement {
    const row = at(this.data.rows, line.row);
    const isChosen = line.row === this.chosen.row;
    const mark = this.mark(line);
    const made = html("tr", {
      role: "row",
      tabindex: place === this.active ? 0 : -1,
      "aria-level": line.level + 1,
      "aria-rowindex": place + 2,
      "aria-selected": String(isChosen),
      "aria-expanded": line.opens ? String(line.open) : null,
      class: [row.kind, mark ? `marked ${mark}` : ""].join(" ").trim(),
      "data-row": line.row,
      click: () => this.choose(place),
      dblclick: () => this.toggle(place),
    });
    const name = html("th", { scope: "row" });
    name.style.setProperty("--level", String(Math.min(line.level, 40)));
    const arrow = html("span", {
      class: "arrow",
      "aria-hidden": "true",
      click: (event: Event) => this.click(event, place),
    });
    arrow.textContent = line.opens ? (line.open ? "▾" : "▸") : "";
    name.append(arrow, ...this.words(line, row));
    name.title = this.view.sorting ? row.path : `${row.path} ${row.type} ${row.geometry}`.trim();
    made.append(name, ...columns.map((column) => cell(column, line.entry, this.wholes.get(column.name) ?? 0)));
    return made;
  }

  private words(line: Line, row: Row): HTMLElement[] {
    const group = this.data.groups[line.entry - this.data.rows.length];
    const name = group ? group.name : this.view.sorting ? row.path : row.name;
    const kind = row.kind === "function" ? `${row.type}()` : row.type === name ? "" : row.type;
    const what = [kind, row.geometry, group ? `×${group.rows.length}` : ""].filter(Boolean).join(" ");
    const said = name
      ? [html("b", {}, name), html("span", { class: "type" }, what)]
      : [html("span", { class: "type" }, what)];
    const mark = this.mark(line);
    if (mark) said.push(html("span", { class: "mark" }, mark));
    return row.remark ? [...said, html("i", {}, row.remark)] : said;
  }

  /** What became of a line's row; of a group, of the first of its rows that was changed. */
  private mark(line: Line): string {
    if (!this.marks) return "";
    const rows = this.data.groups[line.entry - this.data.rows.length]?.rows ?? [line.row];
    const marks = rows.map(this.marks);
    return marks.find((mark) => mark && mark !== "follows") ?? marks.find(Boolean) ?? "";
  }

  private click(event: Event, place: number): void {
    event.stopPropagation();
    this.toggle(place);
  }

  private toggle(place: number, open?: boolean): void {
    const line = this.lines[place];
    if (!line?.opens || line.open === open) return;
    if (line.open) this.view.open.delete(line.entry);
    else this.view.open.add(line.entry);
    this.active = place;
    this.update();
  }

  private choose(place: number): void {
    const line = this.lines[place];
    if (!line) return;
    this.active = place;
    this.chosen.choose(line.row, "table");
    this.draw();
    this.intoSight(place);
    this.element.querySelector<HTMLElement>("tr[tabindex='0']")?.focus({ preventScroll: true });
  }

  /** Show the line of a row that was chosen elsewhere. */
  private show(row: number): void {
    if (this.lineOf(row) < 0 && !this.view.sorting) {
      if (this.view.wanted) this.search.value = this.view.wanted = "";
      this.view.reveal(row);
      this.update();
    }
    this.active = Math.max(0, this.lineOf(row));
    this.draw();
    this.intoSight(this.active);
  }

  private intoSight(place: number): void {
    const top = place * HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = Math.max(0, top - HEIGHT);
    else if (top + 3 * HEIGHT > scrollTop + clientHeight) this.scroller.scrollTop = top + 3 * HEIGHT - clientHeight;
  }

  private press(event: KeyboardEvent): void {
    if (!(event.target instanceof HTMLTableRowElement)) return;
    const line = this.lines[this.active];
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 15,
      PageUp: -15,
      Home: -1e9,
      End: 1e9,
    };
    const step = steps[event.key];
    if (step !== undefined) this.choose(Math.min(Math.max(this.active + step, 0), this.lines.length - 1));
    else if (event.key === "ArrowRight" && line?.opens && !line.open) this.toggle(this.active, true);
    else if (event.key === "ArrowLeft" && line?.open) this.toggle(this.active, false);
    else if (event.key === "ArrowLeft" && line) this.choose(this.above(this.active));
    else if (event.key === "Enter" || event.key === " ") this.toggle(this.active);
    else return;
    event.preventDefault();
  }

  private above(place: number): number {
    const level = at(this.lines, place).level;
    for (let i = place - 1; i >= 0; i--) if (at(this.lines, i).level < level) return i;
    return place;
  }
}

/** A cell; of a number with a bar, what all rows add up to is the `whole`. */
function cell(column: Column, entry: number, whole: number): HTMLTableCellElement {
  const text = column.texts[entry] ?? "";
  const made = html("td", { class: column.left ? "" : "number" }, text);
  const part = column.values?.[entry] ?? 0;
  if (column.bar && part && whole) {
    made.classList.add("bar");
    made.style.setProperty("--share", `${Math.min(100, (100 * part) / whole)}%`);
  }
  return made;
}

function spacer(rows: number, columns: number): HTMLTableRowElement {
  const filler = html("td", { colspan: columns });
  filler.style.height = `${rows * HEIGHT}px`;
  return html("tr", { "aria-hidden": "true", class: "spacer" }, filler);
}
