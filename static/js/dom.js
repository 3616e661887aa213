// Make elements without innerHTML: a class named "<b>" stays a class named "<b>". And say where a key goes.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Object<string, string | boolean | null>} [attributes] null and false are left out, true is an empty value
 * @param {...(Node | string)} children
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A symbol of templates/shell/symbols.html, hidden from screen readers. */
export function symbol(id, className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${id}`);
  svg.append(use);
  return svg;
}

/** The line drawing i-…; the control around it needs a name of its own. */
export function icon(name) {
  return symbol(`i-${name}`, "ic");
}

/**
 * The element that a key goes to; the page where it is in a dialog that was closed just now.
 * The browser takes the focus from what is hidden only when it draws again, and until then that swallows the next key.
 */
export function keyTarget(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (!target.closest("dialog:not([open])")) return target;
  if (target instanceof HTMLElement) target.blur();
  return document.body;
}

/** The object in a json_script block. */
export function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
