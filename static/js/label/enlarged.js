// The examples of a class in a dialog, one at a time and large.

import { el } from "../dom.js";
import { marker } from "./dock.js";
import { known } from "./known.js";

export class Enlarged {
  /** @param {HTMLDialogElement} dialog @param {{words: import("./words.js").Words}} options */
  constructor(dialog, { words }) {
    Object.assign(this, { dialog, words });
    [this.title, this.place] = ["h2", "[data-image]"].map((selector) => dialog.querySelector(selector));
    this.steps = [...dialog.querySelectorAll("[data-step]")];
    for (const button of this.steps) button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    dialog.addEventListener("keydown", ({ key }) => {
      if (key === "ArrowRight" || key === "ArrowLeft") this.step(key === "ArrowRight" ? 1 : -1);
    });
    // Outside of what it shows: the backdrop belongs to the dialog.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  open(category, at) {
    Object.assign(this, { category, at });
    this.draw();
    this.dialog.showModal();
  }

  step(by) {
    const { length } = this.category.examples;
    this.at = (this.at + by + length) % length;
    this.draw();
  }

  draw() {
    const { category, at } = this;
    const example = category.examples[at];
    const { image, caption } = example;
    const { length } = category.examples;
    for (const button of this.steps) button.hidden = length < 2;
    const number = length > 1 ? [el("span", { class: "xs dim num" }, this.words.say("example_n", { n: at + 1, total: length }))] : [];
    this.title.replaceChildren(marker(category), category.name, ...(caption ? [el("span", { class: "mut" }, caption)] : []), ...number);
    const alt = this.words.say("example_of", { name: caption ? `${category.name}, ${caption}` : category.name });
    this.place.replaceChildren(el("img", { src: `/api/images/${image}/preview/`, alt }), ...known(example, "meet"));
  }
}
