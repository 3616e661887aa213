// The last eight answers, newest first; a click brings one back to be changed. Draws; decides nothing.

import { el, icon } from "../dom.js";
import { marker } from "./dock.js";

const SHOWN = 8;

export class Film {
  /**
   * @param {HTMLElement} root
   * @param {{describe: (answered: import("./types.js").Answered) => string, onOpen: (answered: object) => void,
   *   categories: import("./types.js").Category[]}} options
   */
  constructor(root, { describe, onOpen, categories }) {
    Object.assign(this, { root, describe, onOpen, categories });
  }

  /** @param {import("./types.js").Answered[]} history newest first */
  draw(history) {
    const shown = history.slice(0, SHOWN);
    const same = shown.map(({ claim, choice, sending }) => [claim.image.id, choice, sending?.state === "refused"]);
    const drawn = JSON.stringify(same);
    if (drawn === this.drawn) return; // keep images and focus where nothing changed
    this.drawn = drawn;
    this.root.replaceChildren(...shown.map((answered) => this.frame(answered)));
  }

  frame(answered) {
    const name = this.describe(answered);
    const button = el("button", { type: "button", "aria-label": name, title: name });
    const { image } = answered.claim;
    button.append(
      el("img", { src: image.strip_url ?? image.preview_url, alt: "", loading: "lazy", decoding: "async", draggable: "false" }),
      el("span", { class: "mkw" }, ...this.sign(answered)),
    );
    button.addEventListener("click", () => this.onOpen(answered));
    return el("li", {}, button);
  }

  sign({ choice, sending }) {
    if (sending?.state === "refused") return [icon("alert")];
    if ("answer" in choice) return [choice.answer === "skip" ? "S" : "?"];
    if (!choice.categories.length) return ["0"];
    const chosen = this.categories.filter(({ id }) => choice.categories.includes(id));
    if (choice.objects) return [...chosen.slice(0, 1).map(marker), String(choice.objects.length)];
    if (!chosen.length) return ["…"];
    return [marker(chosen[0]), ...(chosen.length > 1 ? [`+${chosen.length - 1}`] : [])];
  }
}
