// One line of the list of imports: name, bar, how far, a button that stops it. Knows elements, not where files go.

import { el } from "../../dom.js";
import { inWords, secondsLeft } from "./pace.js";

export class Row {
  /** @param {HTMLElement} element as templates/imports/row.html draws it @param {object} words */
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.bar = element.querySelector("progress");
    this.count = element.querySelector("[data-count]");
    this.state = element.querySelector("[data-state]");
    this.stopper = element.querySelector("[data-stop]");
    this.startedAt = performance.now();
    this.startedWith = null;
  }

  static add(list, name, words) {
    const stop = el("button", { class: "btn", type: "button", "data-stop": true }, words.stop, el("span", { class: "vh" }, ` ${name}`));
    const element = el(
      "li",
      { class: "import" },
      el("p", { class: "what b" }, name),
      el("progress", { max: "1", value: "0", "aria-label": name }),
      el("p", { class: "far sm num", "data-count": true }),
      el("div", { class: "state sm" }, el("span", { "data-state": true }), stop),
    );
    list.prepend(element);
    return new Row(element, words);
  }

  onStop(stop) {
    this.stopper?.addEventListener("click", (event) => {
      event.preventDefault();
      this.stopper.disabled = true;
      stop();
    });
  }

  /** @param {number} done @param {number} total 0: not known yet @param {string} [stage] */
  moved(done, total, stage = "") {
    if (total && this.bar) Object.assign(this.bar, { max: total, value: done });
    if (total) this.count.textContent = this.words.of.replace("{done}", number(done)).replace("{total}", number(total));
    // What was done before we looked says nothing about the pace.
    this.startedWith ??= done;
    const left = secondsLeft(done - this.startedWith, total - this.startedWith, performance.now() - this.startedAt);
    this.state.textContent = left === null ? stage : inWords(left, { seconds: this.words.seconds_left, minutes: this.words.minutes_left });
  }

  /** It has looked at its file, and waits until somebody says what the labels are. @param {string} address @param {string} name */
  asks(address, name) {
    this.bar?.remove();
    this.stopper?.remove();
    this.count.textContent = this.words.asks.replace("{name}", name);
    this.state.replaceChildren(el("span", { class: "chip attn" }, this.words.asks_chip));
    this.state.parentElement.append(el("a", { class: "btn pri", href: address }, this.words.decide, el("span", { class: "vh" }, ` ${name}`)));
    this.element.classList.add("over");
  }

  /** @param {"done" | "failed" | "stopped"} how @param {string} text */
  ended(how, text) {
    this.bar?.remove();
    this.stopper?.remove();
    this.count.textContent = text;
    this.state.replaceChildren(el("span", { class: `chip ${{ done: "good", failed: "attn" }[how] ?? ""}` }, this.words[how === "done" ? "done_chip" : how]));
    this.element.classList.add("over");
  }
}

export function number(n) {
  return n.toLocaleString(document.documentElement.lang);
}
