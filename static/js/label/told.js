// What a gold image was, told after the answer: a line over the next image that waits for nothing and is gone by itself.

import { el, icon, symbol } from "../dom.js";

const READ_AFTER = 4; // answers later it has been read, or will not be

export class Told {
  /**
   * @param {HTMLElement} place a polite live region
   * @param {object} options
   * @param {import("./words.js").Words} options.words
   * @param {import("./types.js").Category[]} options.categories
   */
  constructor(place, { words, categories }) {
    Object.assign(this, { place, words, categories, age: 0 });
  }

  /**
   * @param {{right: boolean, categories: string[], explanation: string}} feedback
   * @param {{imageId: number, said: string}} about
   */
  show({ right, categories, explanation }, { imageId, said }) {
    this.age = 0;
    const close = el("button", { type: "button", class: "btn ghost ico", "aria-label": this.words.say("dismiss") }, icon("close"));
    close.addEventListener("click", () => this.clear());
    const thumb = el("img", { src: `/api/images/${imageId}/thumb/`, alt: "", width: "56", height: "42", class: "about" });
    const verdict = right ? this.words.say("told_right") : this.words.say("told_wrong", { answer: said });
    const text = el("div", { class: "grow" }, el("p", {}, el("b", {}, verdict), " ", ...this.tags(categories)));
    if (explanation) text.append(el("p", { class: "sm" }, explanation));
    this.place.classList.toggle("right", right);
    this.place.replaceChildren(thumb, text, close);
  }

  tags(names) {
    if (!names.length) return [el("span", { class: "tag" }, this.words.say("none"))];
    return names.map((name) => {
      const shown = this.categories.find((category) => category.name === name);
      const mark = shown ? [symbol(`m${shown.shape}`, `mk c${shown.colour}`)] : [];
      return el("span", { class: "tag" }, ...mark, el("b", {}, name));
    });
  }

  /** One more answer was given meanwhile. */
  answered() {
    this.age += 1;
    if (this.age >= READ_AFTER) this.clear();
  }

  clear() {
    this.place.replaceChildren();
  }
}
