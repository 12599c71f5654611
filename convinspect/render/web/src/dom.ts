// Elements of the page. Text goes in as text: nothing of a report is ever read as HTML.

type Attributes = Record<string, string | number | boolean | null | ((event: never) => void)>;
type Child = Node | string | null;

const SVG = "http://www.w3.org/2000/svg";

function filled<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** An HTML element; a function is the listener of the event of its name. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function button(text: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return html("button", { type: "button", click: act, ...attributes }, text);
}

/** One of several choices, pressed or not. */
export function choice<T extends string>(
  name: string,
  options: readonly (readonly [T, string])[],
  chosen: T,
  act: (value: T) => void,
): HTMLElement {
  const group = html("div", { class: "choice", role: "group", "aria-label": name });
  for (const [value, text] of options) {
    const made = button(text, () => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === made));
      act(value);
    });
    made.setAttribute("aria-pressed", String(value === chosen));
    group.append(made);
  }
  return group;
}

/** A part of the page with its heading, its tools and its body. */
export function panel(id: string, title: string, ...tools: Child[]): { section: HTMLElement; body: HTMLElement } {
  const body = html("div", { class: "body" });
  const section = html(
    "section",
    { id, class: "panel", "aria-labelledby": `${id}-title` },
    html("header", {}, html("h2", { id: `${id}-title` }, title), html("div", { class: "tools" }, ...tools)),
    body,
  );
  return { section, body };
}

/** Call `draw` with the width of `element` when it is known, and whenever it has become another one. */
export function atEveryWidth(element: HTMLElement, draw: (width: number) => void): void {
  let known = 0;
  new ResizeObserver(() => {
    const style = getComputedStyle(element);
    const width = Math.round(
      element.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight),
    );
    if (width > 0 && width !== known) draw(width);
    known = width;
  }).observe(element);
}
