// "Cannot tell", and why: one more key says it, Enter goes on without. The image stays until then, so a digit that was
// meant as a reason never labels the next image.

const $ = (id) => document.getElementById(id);

export class Reasons {
  /**
   * @param {object} parts
   * @param {import("./session.js").Session} parts.session
   * @param {import("./panes.js").Panes} parts.panes
   * @param {import("./keys.js").Keys} parts.keys
   * @param {(text: string) => void} parts.announce
   */
  constructor({ session, panes, keys, announce }) {
    Object.assign(this, { session, panes, keys, announce });
    this.buttons = [...document.querySelectorAll("[data-reason]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button));
    $("no-reason").addEventListener("click", () => this.answer(""));
    for (const button of document.querySelectorAll("[data-back]")) button.addEventListener("click", () => panes.close());
    $("in-words").addEventListener("submit", (event) => {
      event.preventDefault();
      this.answer($("in-words-text").value.trim());
    });
    $("in-words").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.ask();
    });
  }

  /** @returns {boolean} false: there is nothing on screen to be asked about */
  ask() {
    if (!this.session.painted) return false;
    this.panes.open("reasons");
    $("no-reason").focus({ preventScroll: true }); // Enter presses it
    this.announce($("reasons-title").textContent);
    return true;
  }

  /** While the reasons are shown all keys are theirs. @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") return this.panes.close();
    if (event.repeat) return false;
    if (event.key === "Enter") return this.answer("");
    const digit = this.keys.digit(event);
    const button = digit ? this.buttons[digit - 1] : null;
    return button ? this.choose(button) : false;
  }

  choose(button) {
    if (button.dataset.reason) return this.answer(button.dataset.reason);
    this.panes.open("in-words");
    $("in-words-text").value = "";
    $("in-words-text").focus({ preventScroll: true });
    return true;
  }

  /** A stored reason as the screen says it. */
  inWords(reason) {
    return this.buttons.find((button) => button.dataset.reason === reason)?.querySelector(".nm").textContent ?? reason;
  }

  answer(reason) {
    this.panes.close();
    return this.session.painted && this.session.answer({ answer: "cannot_tell", ...(reason ? { reason } : {}) });
  }
}
