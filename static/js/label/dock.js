// The row of answers under the image: one button per class, with its key. Draws; decides nothing.

import { el, symbol } from "../dom.js";
import { confidence } from "./answers.js";
import { printed } from "./keys.js";

const FLASH_MS = 110;

/** The marker of a class. @param {import("./types.js").Category} category */
export function marker({ colour, shape }) {
  return symbol(`m${shape}`, `mk c${colour}`);
}

export class Dock {
  /**
   * @param {HTMLElement} root
   * @param {{categories: import("./types.js").Category[], keys: string[][], multi: boolean,
   *   words: import("./words.js").Words, onChoose: (index: number, event: MouseEvent) => void}} options
   */
  constructor(root, { categories, keys, multi, words, onChoose }) {
    this.words = words;
    this.multi = multi;
    this.buttons = categories.map((category, index) => {
      const { name, description } = category;
      const key = printed(keys[index]);
      const button = el(
        "button",
        { type: "button", class: "key", title: description || null, "aria-pressed": multi ? "false" : null, "aria-keyshortcuts": key || null },
        ...(key ? [el("kbd", { "aria-hidden": "true" }, key)] : []),
        marker(category),
        el("span", { class: "tx" }, el("span", { class: "nm" }, name), el("span", { class: "pr num" })),
        el("progress", { class: "pb", max: "1", value: "0", "aria-hidden": "true", hidden: true }),
      );
      button.addEventListener("click", (event) => onChoose(index, event));
      return button;
    });
    root.classList.toggle("many", categories.length > 9);
    root.replaceChildren(...this.buttons);
    root.addEventListener("keydown", (event) => this.walk(event));
  }

  /** Arrows go from answer to answer: the way to classes beyond the last free letter. */
  walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = this.buttons.indexOf(document.activeElement);
    if (!step || at < 0) return;
    this.buttons.at((at + step) % this.buttons.length).focus();
    event.preventDefault();
  }

  /** @param {number[] | null} places @param {import("./types.js").Prelabel | null} prelabel */
  suggest(places, prelabel) {
    const sure = prelabel && confidence(prelabel);
    this.buttons.forEach((button, index) => {
      const is = places?.includes(index) ?? false;
      button.classList.toggle("sug", is);
      const bar = button.querySelector(".pb");
      bar.hidden = !(is && "percent" in sure);
      if (!bar.hidden) bar.value = prelabel.probability;
      button.querySelector(".pr").textContent = !is
        ? ""
        : "percent" in sure
          ? this.words.say("model_percent", { percent: this.words.percent(sure.percent) })
          : this.words.say(`model_${sure.word}`);
    });
  }

  /** @param {Set<number>} chosen */
  press(chosen) {
    this.buttons.forEach((button, index) => {
      button.classList.toggle("on", chosen.has(index));
      if (this.multi) button.setAttribute("aria-pressed", String(chosen.has(index)));
    });
  }

  /** A moment's inversion: the key was heard. */
  flash(places) {
    for (const place of places) {
      const { classList } = this.buttons[place];
      classList.add("hit");
      setTimeout(() => classList.remove("hit"), FLASH_MS);
    }
  }
}
