// The images of a page as a grid that can be walked. Draws what the sheet says; decides nothing.

import { el, icon, symbol } from "../dom.js";
import { confidence } from "../label/answers.js";

export class Wall {
  /**
   * @param {HTMLElement} root a list box
   * @param {object} parts
   * @param {import("./types.js").Category[]} parts.categories
   * @param {boolean} parts.multi
   * @param {import("../label/words.js").Words} parts.words
   * @param {import("./thumbs.js").Thumbs} parts.thumbs
   */
  constructor(root, { categories, multi, words, thumbs }) {
    Object.assign(this, { root, multi, words, thumbs });
    this.byId = new Map(categories.map((category) => [category.id, category]));
    /** @type {import("./types.js").Page | null} */
    this.page = null;
  }

  /** How many columns there are now: the window decides. */
  get columns() {
    return Math.max(1, getComputedStyle(this.root).gridTemplateColumns.split(" ").length);
  }

  /** @param {EventTarget | null} target @returns {number} place of the image there, -1: none */
  placeOf(target) {
    const tile = target instanceof Element ? target.closest("[role=option]") : null;
    return tile && tile.parentNode === this.root ? [...this.root.children].indexOf(tile) : -1;
  }

  /** @param {import("./types.js").Page | null} page @returns {boolean} whether another page is drawn now */
  draw(page) {
    const isNew = page !== this.page;
    this.page = page;
    if (isNew) this.root.replaceChildren(...(page?.tiles ?? []).map((tile) => this.tile(tile, page.calibrated)));
    this.root.hidden = !page;
    page?.tiles.forEach((tile, place) => this.update(this.root.children[place], tile, place));
    return isNew;
  }

  tile(tile, calibrated) {
    const sure = confidence({ probability: tile.probability, calibrated });
    const text = sure === null ? "" : "percent" in sure ? this.words.percent(sure.percent) : this.words.say(`model_${sure.word}`);
    return el(
      "li",
      { class: "pick", role: "option" },
      el("span", { class: "pic" }),
      el("span", { class: "p num" }, text),
      ...(this.multi ? [el("span", { class: "set" }, ...this.names(tile.category_ids))] : []),
      el("span", { class: "ch" }),
    );
  }

  update(element, tile, place) {
    const { sheet } = this.page;
    const { img, state } = this.thumbs.prepare(tile);
    const picture = element.querySelector(".pic");
    if (state === "ready" && picture.firstChild !== img) picture.replaceChildren(img);
    if (state !== "ready" && picture.dataset.state !== state) {
      const trouble = this.words.say(`image_${state}`);
      picture.replaceChildren(el("span", { class: "xs mut" }, `${tile.image.name}: ${trouble}`));
    }
    picture.dataset.state = state;
    const said = sheet.said[place];
    element.classList.toggle("off", said !== null);
    element.classList.toggle("cur", place === sheet.current);
    element.classList.toggle("pinned", place === sheet.current && sheet.isPinned);
    element.tabIndex = place === sheet.current ? 0 : -1;
    element.setAttribute("aria-selected", String(sheet.marked.includes(place)));
    this.say(element.querySelector(".ch"), said);
  }

  /** What was said instead of the model's answer. */
  say(change, said) {
    const key = JSON.stringify(said);
    if (change.dataset.said === key) return;
    change.dataset.said = key;
    if (said === null) return change.replaceChildren();
    if ("answer" in said) return change.replaceChildren(el("span", { class: "tag" }, icon("back"), this.words.say("back_to_labeling")));
    change.replaceChildren(el("span", { class: "vh" }, this.words.say("changed_to")), ...this.names(said.categories));
  }

  names(ids) {
    if (!ids.length) return [this.words.say("none")];
    return ids.map((id) => {
      const category = this.byId.get(id);
      if (!category) return el("span", { class: "tag" }, "…"); // it was retired since
      return el("span", { class: "tag" }, symbol(`m${category.shape}`, `mk c${category.colour}`), category.name);
    });
  }

  /** Bring the image in hand into view, and the focus to it when `focus`. */
  follow({ focus }) {
    const element = this.root.children[this.page?.sheet.current ?? -1];
    if (!element) return;
    if (focus) element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }
}
