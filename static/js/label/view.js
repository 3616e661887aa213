// Draw the labeling screen. Reads the session, changes the page, decides nothing.

import { el } from "../dom.js";

const $ = (id) => document.getElementById(id);
const READY_DOTS = 5;

export class View {
  /** @param {{words: import("./words.js").Words, viewer: import("./viewer.js").Viewer}} options */
  constructor({ words, viewer }) {
    Object.assign(this, { words, viewer });
    this.panel = $("panel");
    $("ready").replaceChildren(...Array.from({ length: READY_DOTS }, () => el("i")));
  }

  /** @param {HTMLImageElement} img already decoded @param {import("./types.js").Claim["image"]} image */
  image(img, image, n) {
    // The image is the task: what it shows is said only where the data set does, and never by its name.
    img.alt = image.description ? this.words.say("image_n_described", { n, description: image.description }) : this.words.say("image_n", { n });
    this.panel.hidden = true;
    this.viewer.show(img, image);
  }

  /** Words in place of an image: loading, failed, finished, unreachable. */
  state(name, { title, text = "", actions = [] }) {
    // Drawn anew only when it says something new: a button that is being pressed must stay.
    const said = `${title}\n${text}`;
    if (this.panel.dataset.state === name && !this.panel.hidden && this.panel.dataset.said === said) return;
    Object.assign(this.panel.dataset, { state: name, said });
    this.panel.hidden = false;
    this.viewer.clear();
    this.panel.replaceChildren(
      el("h2", {}, title),
      ...(text ? [el("p", { class: "mut" }, text)] : []),
      ...(actions.length ? [el("div", { class: "row wrap" }, ...actions)] : []),
    );
  }

  button(text, onClick, className = "btn") {
    const button = el("button", { type: "button", class: className }, text);
    button.addEventListener("click", onClick);
    return button;
  }

  /** How many are ready to be shown: five dots, for the eye only. */
  ready(count) {
    [...$("ready").children].forEach((dot, index) => dot.classList.toggle("on", index < count));
  }

  /** "0 of 0" says nothing: where there is nothing to count, nothing is said. */
  progress(done, left) {
    const total = done + left;
    Object.assign($("share"), { max: Math.max(total, 1), value: done });
    for (const part of document.querySelectorAll("[data-progress]")) part.hidden = !total;
    $("done").textContent = this.words.number(done);
    $("total").textContent = this.words.say(left ? "of_about" : "of", { total });
  }

  /** One quiet word about the saving of answers, from wordFor of standing.js. */
  saving({ name, n, isTrouble }) {
    const word = $("saving");
    word.textContent = this.words.say(`state_${name}`, { n });
    word.classList.toggle("attn", isTrouble);
  }

  /** What Enter would do, on the button that does the same. */
  enter({ kind, places }, names) {
    const button = $("enter");
    button.hidden = kind === "nothing";
    $("enter-text").textContent = this.words.say(`enter_${kind === "accept" && !places.length ? "accept_none" : kind}`, {
      n: places.length,
      names: this.words.list(names),
    });
  }

  /** @param {string} text empty: no answer is being changed */
  editing(text) {
    $("editing").hidden = !text;
    $("editing-text").textContent = text;
  }

  /** Sentences that must not be missed, above the image, until the person has dealt with them. */
  notices(items) {
    const said = items.map(({ text, image }) => `${text} ${image ?? ""}`).join("\n");
    if ($("notices").dataset.said === said) return; // keep the focus that may be on a button there
    $("notices").dataset.said = said;
    const kept = items.map(({ text, image, isQuiet, actions }) =>
      el(
        "div",
        { class: `note${isQuiet ? "" : " error"}` },
        el("p", { class: "row" }, ...(image ? [thumbnail(image)] : []), el("span", {}, text)),
        el("div", { class: "row" }, ...actions),
      ),
    );
    $("notices").replaceChildren(...kept);
  }

  /** Nothing here can be answered or changed now. */
  lock(isLocked) {
    for (const part of document.querySelectorAll(".dock, .last")) part.inert = isLocked;
  }

  /** For those who do not see the screen; polite, one sentence. */
  announce(text) {
    $("live").textContent = text;
  }
}

/** Small, beside the sentence about it; nothing where the person may not see the image any more. */
function thumbnail(src) {
  const img = el("img", { src, alt: "", width: "44", height: "33", class: "about" });
  img.addEventListener("error", () => img.remove());
  return img;
}
