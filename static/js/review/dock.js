// The row of classes below the grid: for mouse and fingers, and to read the keys from. Draws; decides nothing.

import { el, symbol } from "../dom.js";

const BUTTONS = 9; // further classes are in the list beside them

export class Dock {
  /**
   * @param {HTMLElement} root
   * @param {HTMLSelectElement} list
   * @param {object} parts
   * @param {import("./types.js").Category[]} parts.categories
   * @param {import("./keys.js").GridKeys} parts.keys
   * @param {boolean} parts.multi
   * @param {number} parts.predicted the class of the page
   * @param {(id: number) => void} parts.onChoose
   */
  constructor(root, list, { categories, keys, multi, predicted, onChoose }) {
    this.multi = multi;
    this.buttons = categories.slice(0, BUTTONS).map((category, index) => {
      const key = keys.printedFor(index);
      const button = el(
        "button",
        { type: "button", class: `btn${category.id === predicted ? " sug" : ""}`, "aria-keyshortcuts": key || null, "aria-pressed": "false" },
        ...(key ? [el("kbd", { "aria-hidden": "true" }, key)] : []),
        symbol(`m${category.shape}`, `mk c${category.colour}`),
        el("span", {}, category.name),
      );
      button.dataset.category = String(category.id);
      button.addEventListener("click", () => onChoose(category.id));
      return button;
    });
    root.replaceChildren(...this.buttons);
    list.hidden = categories.length <= BUTTONS;
    list.append(...categories.map(({ id, name }) => el("option", { value: String(id) }, name)));
    list.addEventListener("change", () => {
      if (list.value) onChoose(Number(list.value));
      list.value = "";
    });
  }

  /** The classes of the image in hand. @param {number[]} ids */
  press(ids) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(ids.includes(Number(button.dataset.category))));
  }
}
