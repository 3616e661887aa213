// The objects of the image as a list: number, class, hide, lock, delete. Draws; what a button does is given.

import { el, icon } from "../../dom.js";
import { marker } from "../dock.js";

const DRAWN = 60; // rows, and more as one scrolls: 3,000 at once take 200 ms
const NEAR_THE_END = 200; // pixels

export class ObjectList {
  /**
   * @param {HTMLElement} root a list
   * @param {object} parts
   * @param {import("../words.js").Words} parts.words
   * @param {(category: number) => import("../types.js").Category | undefined} parts.categoryOf
   * @param {(what: "choose" | "hide" | "lock" | "remove", key: string, event: MouseEvent) => void} parts.onDo
   */
  constructor(root, { words, categoryOf, onDo }) {
    Object.assign(this, { root, words, categoryOf, onDo, rows: new Map(), wanted: DRAWN });
    root.addEventListener("click", (event) => this.pressed(event));
    root.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("button[data-list]") : null;
    if (button) this.onDo(button.dataset.list, button.closest("li").dataset.key, event);
  }

  scrolled() {
    const { root } = this;
    if (this.wanted >= (this.now?.objects.length ?? 0) || root.scrollTop + root.clientHeight + NEAR_THE_END < root.scrollHeight) return;
    this.wanted += DRAWN;
    this.draw(this.now);
  }

  /**
   * @param {object} now
   * @param {readonly import("../../draw/types.js").DrawnObject[]} now.objects
   * @param {readonly string[]} now.chosen keys
   * @param {(object: object) => string} now.noteOf a word about it, or ""
   */
  draw(now) {
    this.now = now;
    const chosen = new Set(now.chosen);
    const last = now.objects.findIndex(({ key }) => key === now.chosen.at(-1));
    this.wanted = Math.max(this.wanted, last + 1);
    const rows = now.objects.slice(0, this.wanted).map((object, place) => this.row(object, place + 1, chosen.has(object.key), now.noteOf(object)));
    this.rows = new Map(rows.map((row) => [row.object.key, row]));
    const items = rows.map(({ item }) => item);
    // Nothing is moved that stands where it should: the focus stays on its button.
    items.forEach((item, place) => this.root.children[place] === item || this.root.insertBefore(item, this.root.children[place] ?? null));
    while (this.root.children.length > items.length) this.root.lastElementChild.remove();
    const shown = now.chosen.at(-1);
    if (shown !== this.seen) this.rows.get(shown)?.item.scrollIntoView({ block: "nearest" });
    this.seen = shown;
  }

  /** A row is made anew only when something in it is another. */
  row(object, n, isChosen, note) {
    const before = this.rows.get(object.key);
    if (before && before.object.category === object.category && before.n === n && before.note === note) {
      this.mark(before.item, object, isChosen);
      return Object.assign(before, { object });
    }
    const category = this.categoryOf(object.category);
    const name = category?.name ?? "…";
    const tool = (what, picture) =>
      el("button", { type: "button", class: "btn ghost ico", "data-list": what, "aria-label": this.words.say(`object_${what === "remove" ? "delete" : what}`, { n, name }) }, icon(picture));
    const choose = el(
      "button",
      { type: "button", class: "pick", "data-list": "choose" },
      el("span", { class: "num dim" }, this.words.number(n)),
      ...(category ? [marker(category)] : []),
      el("span", { class: "nm" }, name),
      ...(note ? [el("span", { class: "xs note-of" }, note)] : []),
    );
    const item = el("li", { "data-key": object.key }, choose, tool("hide", "eye"), tool("lock", "lock"), tool("remove", "bin"));
    if (before?.item.contains(document.activeElement)) this.refocus(before.item, item);
    this.mark(item, object, isChosen);
    return { item, object, n, note };
  }

  refocus(before, item) {
    const { list } = document.activeElement.dataset;
    queueMicrotask(() => item.querySelector(`[data-list="${list}"]`)?.focus({ preventScroll: true }));
  }

  mark(item, { hidden, locked }, isChosen) {
    item.classList.toggle("on", isChosen);
    item.classList.toggle("hidden-one", hidden);
    for (const [what, is] of [["choose", isChosen], ["hide", hidden], ["lock", locked]]) {
      item.querySelector(`[data-list="${what}"]`).setAttribute("aria-pressed", String(is));
    }
    item.querySelector('[data-list="remove"]').setAttribute("aria-disabled", String(locked));
  }
}
