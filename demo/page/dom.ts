/** The element of the page that must be there. */
export function find(selector: string, inside: ParentNode = document): HTMLElement {
  return findAs(HTMLElement, selector, inside);
}

/** The same, as an element of a kind. */
export function findAs<T extends Element>(kind: new () => T, selector: string, inside: ParentNode = document): T {
  const element = inside.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} at ${selector}`);
  return element;
}

/** A new element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

/** Sets a text only when it changes, so that a screen reader is not told twice. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
