// @ts-check
/** Making elements. Words are always set as text: nothing a film says can become markup. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [told]
 *   `text` is set as text; `class`, `title`, `href`, `for`, `data-*` ... as attributes; null leaves one out.
 * @param {(Node | string)[]} [inside]
 * @returns {HTMLElement}
 */
export function el(tag, told = {}, inside = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(told)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = String(value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...inside);
  return made;
}

/**
 * @param {unknown} words That may be in any script; they do not turn the line they stand in.
 * @returns {HTMLElement}
 */
export function foreign(words) {
  return el("bdi", { text: words });
}

/**
 * @template {HTMLElement} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [where]
 * @returns {T}
 * @throws {Error} If the page has no such element.
 */
export function find(selector, kind, where = document) {
  const found = where.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * @param {string} selector
 * @param {ParentNode} [where]
 * @returns {HTMLElement | null}
 */
export function maybe(selector, where = document) {
  const found = where.querySelector(selector);
  return found instanceof HTMLElement ? found : null;
}

/**
 * Put text into an element only if it is another: live regions speak once.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
