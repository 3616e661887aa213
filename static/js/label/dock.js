// The answers under the image: one button per class, with its key. Draws; decides nothing.

import { el, symbol } from "../dom.js";
import { confidence } from "./answers.js";

const FLASH_MS = 110;
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
// Of hundreds of classes so many are drawn, and more as one scrolls: drawing 300 anew at each letter takes 60 ms.
const DRAWN = 45;
const NEAR_THE_END = 300; // pixels

/** The marker of a class. @param {import("./types.js").Category} category */
export function marker({ colour, shape }) {
  return symbol(`m${shape}`, `mk c${colour}`);
}

export class Dock {
  /**
   * @param {HTMLElement} root a list
   * @param {{categories: import("./types.js").Category[], keys: import("./keys.js").Keys, multi: boolean,
   *   words: import("./words.js").Words, onChoose: (index: number, event: MouseEvent) => void}} options
   */
  constructor(root, { categories, keys, multi, words, onChoose }) {
    Object.assign(this, { root, categories, keys, multi, words, onChoose });
    Object.assign(this, { suggested: [], chosen: new Set(), numbered: [], drawn: 0, buttons: new Map() });
    root.classList.add(keys.mode);
    root.addEventListener("keydown", (event) => this.walk(event));
    root.addEventListener("scroll", () => this.drawMore(root.scrollTop + root.clientHeight + NEAR_THE_END > root.scrollHeight), { passive: true });
    this.list(categories.map((_, place) => place));
  }

  /** The button of a class, made when it is first wanted. */
  button(place) {
    let button = this.buttons.get(place);
    if (button) return button;
    const { name, description } = this.categories[place];
    button = el(
      "button",
      { type: "button", class: "key", title: description || null, "aria-pressed": this.multi ? "false" : null, tabindex: this.isMany ? "-1" : null },
      el("span", { class: "kbds", "aria-hidden": "true" }),
      marker(this.categories[place]),
      el("span", { class: "tx" }, el("span", { class: "nm" }, name), el("span", { class: "pr num" })),
      el("progress", { class: "pb", max: "1", value: "0", "aria-hidden": "true", hidden: true }),
    );
    button.dataset.place = String(place); // the rail asks which class is pointed at
    button.addEventListener("click", (event) => this.onChoose(place, event));
    this.buttons.set(place, button);
    this.label(place);
    return button;
  }

  get isMany() {
    return this.keys.mode === "many";
  }

  /**
   * Show these classes, in this order. Of many, the first nine are picked by digit.
   * @param {number[]} places @param {{digits?: boolean}} [how] digits: false while they are typed into the filter
   */
  list(places, { digits = true } = {}) {
    const before = this.numbered;
    this.numbered = this.isMany && digits ? places.slice(0, 9) : [];
    if (places !== this.shown) {
      this.shown = places;
      this.drawn = 0;
      this.root.replaceChildren();
      this.drawMore();
    }
    for (const place of new Set([...before, ...this.numbered])) this.label(place);
    this.stopAt(0);
  }

  /** @param {boolean} [wanted] */
  drawMore(wanted = true) {
    if (!wanted || this.drawn >= this.shown.length) return;
    const from = this.drawn;
    this.drawn = this.isMany ? Math.min(from + DRAWN, this.shown.length) : this.shown.length;
    const items = this.shown.slice(from, this.drawn).map((place, at) => {
      // Not all of a long list is there: its length has to be said.
      const where = this.isMany ? { "aria-setsize": String(this.shown.length), "aria-posinset": String(from + at + 1) } : {};
      return el("li", where, this.button(place));
    });
    this.root.append(...items);
  }

  /** Write the keys on all buttons. */
  letter() {
    for (const place of this.buttons.keys()) this.label(place);
  }

  label(place) {
    const button = this.buttons.get(place);
    if (!button) return;
    const { keys } = this;
    const digit = this.numbered.indexOf(place) + 1;
    const all = digit ? [...keys.ofClass[place], String(digit)] : keys.ofClass[place];
    // Two sides have room for the arrow and the letter.
    const seen = { two: all.filter((key) => !keys.needsAlt(key)).slice(0, 2), few: all.slice(0, 1), many: all.slice(-2) }[keys.mode];
    button.querySelector(".kbds").replaceChildren(...seen.map((key) => el("kbd", {}, keys.print(key))));
    if (all.length) button.setAttribute("aria-keyshortcuts", all.map((key) => keys.aria(key)).join(" "));
    else button.removeAttribute("aria-keyshortcuts");
  }

  /** Of many classes one alone is a stop of Tab: arrows go on from there. */
  stopAt(at) {
    if (!this.isMany) return;
    if (this.stop) this.stop.tabIndex = -1;
    this.stop = this.shown.length ? this.button(this.shown[at]) : null;
    if (this.stop) this.stop.tabIndex = 0;
  }

  /** Arrows go from answer to answer; where there are two, they are the answers. */
  walk(event) {
    const step = STEPS[event.key];
    const at = this.shown.findIndex((place) => this.buttons.get(place) === document.activeElement);
    if (!step || at < 0 || this.keys.mode === "two" || event.altKey || event.ctrlKey || event.metaKey) return;
    this.focus(this.isMany ? at + step : (at + step + this.shown.length) % this.shown.length);
    event.preventDefault();
  }

  /** @param {number} at in the list as it is shown; a place that there is not does nothing */
  focus(at) {
    if (this.shown[at] === undefined) return;
    while (this.drawn <= at) this.drawMore();
    this.stopAt(at);
    this.button(this.shown[at]).focus();
  }

  /** @param {number[] | null} places @param {import("./types.js").Prelabel | null} prelabel */
  suggest(places, prelabel) {
    const now = places ?? [];
    const said = JSON.stringify([now, now.length ? prelabel : null]);
    if (said === this.said) return; // drawn anew after each key: only what changed
    this.said = said;
    const sure = now.length ? confidence(prelabel) : null;
    for (const place of this.suggested) if (!now.includes(place)) this.mark(place, false, null, prelabel);
    for (const place of now) this.mark(place, true, sure, prelabel);
    this.suggested = now;
  }

  mark(place, isSuggested, sure, prelabel) {
    const button = this.button(place);
    button.classList.toggle("sug", isSuggested);
    const bar = button.querySelector(".pb");
    bar.hidden = !(sure && "percent" in sure);
    if (!bar.hidden) bar.value = prelabel.probability;
    button.querySelector(".pr").textContent = sure ? this.sureness(sure) : isSuggested ? this.words.say("model_says") : "";
  }

  sureness(sure) {
    return "percent" in sure ? this.words.say("model_percent", { percent: this.words.percent(sure.percent) }) : this.words.say(`model_${sure.word}`);
  }

  /** @param {Set<number>} chosen */
  press(chosen) {
    for (const place of new Set([...chosen, ...this.chosen])) {
      const button = this.button(place);
      button.classList.toggle("on", chosen.has(place));
      if (this.multi) button.setAttribute("aria-pressed", String(chosen.has(place)));
    }
    this.chosen = new Set(chosen);
  }

  /** A moment's inversion: the key was heard. */
  flash(places) {
    for (const place of places) {
      if (place < 0) continue; // retired since
      const { classList } = this.button(place);
      classList.add("hit");
      setTimeout(() => classList.remove("hit"), FLASH_MS);
    }
  }
}
