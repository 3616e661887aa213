// Of many classes: type to find. Letters typed anywhere begin it, and digits then pick from what was found; after "/" or
// a click everything that is typed goes into the field, digits too.

import { el } from "../dom.js";
import { marker } from "./dock.js";
import { byUse, Filter } from "./filter.js";

export class Finder {
  /**
   * @param {HTMLElement} root with the field, the strip of what is chosen or suggested, and the count
   * @param {object} parts
   * @param {import("./dock.js").Dock} parts.dock
   * @param {import("./filter.js").Filter} parts.filter
   * @param {import("./types.js").Category[]} parts.categories
   * @param {import("./words.js").Words} parts.words
   * @param {(place: number) => void} parts.onChoose
   * @param {() => void} parts.onChange
   */
  constructor(root, { dock, filter, categories, words, onChoose, onChange }) {
    Object.assign(this, { dock, filter, categories, words, onChoose, onChange });
    this.field = root.querySelector("input");
    this.strip = root.querySelector("[data-strip]");
    this.count = root.querySelector("[data-count]");
    this.quick = true;
    this.field.addEventListener("input", () => (this.draw(), this.onChange()));
    this.field.addEventListener("pointerdown", () => this.setQuick(false));
    this.field.addEventListener("keydown", (event) => this.walk(event));
    this.field.addEventListener("blur", () => this.text || this.setQuick(true));
    this.draw();
  }

  get text() {
    return this.field.value.trim();
  }

  get isOpen() {
    return this.text !== "" || document.activeElement === this.field;
  }

  owns(element) {
    return element === this.field;
  }

  /** A letter was typed: the field takes it, because it has the focus before the browser writes. */
  begin() {
    this.field.focus({ preventScroll: true });
  }

  open() {
    this.setQuick(false);
    this.field.focus();
    this.field.select();
  }

  setQuick(quick) {
    if (quick === this.quick) return;
    this.quick = quick;
    this.dock.list(this.dock.shown, { digits: quick });
  }

  /** In the field most keys are text. @returns {boolean} this one is an order all the same */
  lets(event, action) {
    if (event.altKey) return true;
    return action?.kind === "leave" || (action?.kind === "pick" && this.quick);
  }

  draw() {
    const found = this.filter.matches(this.field.value);
    this.dock.list(found, { digits: this.quick });
    this.count.textContent = this.text
      ? this.words.say(found.length ? "found" : "found_none", { n: found.length })
      : this.words.say("classes", { n: found.length });
  }

  /** What Enter does, as long as something is typed: it takes the first. @param {object} otherwise */
  enter(otherwise) {
    if (!this.text) return otherwise;
    return this.dock.shown.length ? { kind: "take", places: [this.at(0)] } : { kind: "nothing", places: [] };
  }

  /** The class at this place of the list, or none. */
  at(place) {
    return this.dock.shown[place];
  }

  walk(event) {
    if (event.key !== "ArrowDown") return;
    this.dock.focus(0);
    event.preventDefault();
  }

  /** @returns {boolean} there was something to clear */
  clear() {
    if (!this.isOpen) return false;
    const had = this.field.value !== "";
    this.field.value = "";
    this.field.blur();
    this.setQuick(true);
    if (had) this.draw();
    return true;
  }

  /** What is switched on, or suggested, stands beside the field: in a long list it may be out of sight. */
  show(places) {
    const said = places.join(" ");
    if (said === this.said) return;
    this.said = said;
    const chips = places.map((place) => {
      const button = el("button", { type: "button", class: "btn ghost" }, marker(this.categories[place]), el("span", {}, this.categories[place].name));
      button.addEventListener("click", () => this.onChoose(place));
      return button;
    });
    this.strip.replaceChildren(...chips);
  }
}

/** @param {object} parts as the finder's, with `used` (see byUse) in place of the filter */
export function finderFor({ used, categories, ...parts }) {
  const filter = new Filter(categories.map(({ name }) => name), byUse(used));
  return new Finder(document.getElementById("finder"), { filter, categories, ...parts });
}
