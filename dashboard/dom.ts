/** Builds the page from elements and text, never from HTML in strings: nothing that is shown is run. */
type Child = Node | string;
type Attributes = {
  readonly class?: string;
  readonly onclick?: (event: MouseEvent) => void;
  /** Every other name becomes an attribute. */
  readonly [name: string]: string | ((event: MouseEvent) => void) | undefined;
};

export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener("click", value as EventListener);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** Touches the page only when something changes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Makes a table whose rows are replaced as a whole; a head that begins with # is of a column of numbers. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Child[])[],
  caption: string,
): HTMLTableElement {
  const classOf = (column: number) => (heads[column]?.startsWith("#") ? "number" : "");
  const head = heads.map((name, column) =>
    h("th", { scope: "col", class: classOf(column) }, name.replace(/^#/, "")),
  );
  const body = rows.map((cells) =>
    h("tr", {}, ...cells.map((cell, column) => h("td", { class: classOf(column) }, cell))),
  );
  return h(
    "table",
    {},
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, ...head)),
    h("tbody", {}, ...body),
  );
}

/** Shows an id that leads to its payment's story. */
export function idButton(correlationId: string, show: (correlationId: string) => void) {
  const onclick = () => show(correlationId);
  return h("button", { type: "button", class: "id", onclick }, correlationId);
}

/** Shows an instant as people here read it, with the very instant on hovering. */
export function time(iso: string, text: string): HTMLTimeElement {
  return h("time", { datetime: iso, title: iso }, text);
}
