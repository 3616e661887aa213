// What is asked about the chosen object, as fields beneath the list. Draws; an answer is handed on at once.

import { el } from "../../dom.js";
import { askedOf } from "./asked.js";

const LONGEST_TEXT = 500; // as labeler/label_set/questions.py has it

export class Attributes {
  /**
   * @param {HTMLElement} root
   * @param {object} parts
   * @param {import("./types.js").Question[]} parts.questions
   * @param {import("../words.js").Words} parts.words
   * @param {(name: string, value: unknown) => void} parts.onAnswer
   * @param {() => void} parts.onLeave back to the image
   */
  constructor(root, { questions, words, onAnswer, onLeave }) {
    Object.assign(this, { root, questions, words, onAnswer, onLeave });
    root.addEventListener("change", (event) => this.changed(event));
    root.addEventListener("keydown", (event) => this.key(event));
    // By mouse a list or a box is done with at once; the next key is for the image.
    root.addEventListener("pointerup", ({ target }) => target.matches("input[type=checkbox]") && setTimeout(onLeave, 0));
  }

  /** @param {import("../../draw/types.js").DrawnObject | null} object @param {string} title @param {string | null} missing name of a question */
  draw(object, title, missing) {
    const asked = object ? askedOf(this.questions, object.category) : [];
    this.root.hidden = !asked.length;
    const same = asked.length ? `${object.key} ${object.category} ${title}` : "";
    if (same !== this.same) this.root.replaceChildren(...(asked.length ? [el("legend", {}, title), ...asked.map((one) => this.field(one))] : []));
    this.same = same;
    for (const one of asked) this.fill(one, object.attributes[one.name], one.name === missing);
  }

  field({ name, kind, options, required }) {
    const { words } = this;
    const place = this.questions.findIndex((one) => one.name === name);
    const id = `asked-${place}`;
    const mark = required ? [el("span", { class: "xs dim" }, ` (${words.say("required")})`)] : [];
    if (kind === "several") {
      const boxes = options.map((option) => el("label", { class: "tick" }, el("input", { type: "checkbox", value: option, "data-asked": String(place) }), el("span", {}, option)));
      return el("div", { class: "asked", role: "group", "aria-labelledby": id }, el("span", { id }, name, ...mark), ...boxes);
    }
    const attributes = { id, "data-asked": String(place), "aria-required": required ? "true" : null };
    const choices = kind === "yes_no" ? [["true", words.say("yes")], ["false", words.say("no")]] : options.map((option) => [option, option]);
    const control =
      kind === "number"
        ? el("input", { type: "number", step: "any", ...attributes })
        : kind === "text"
          ? el("input", { type: "text", maxlength: String(LONGEST_TEXT), autocomplete: "off", ...attributes })
          : el("select", attributes, el("option", { value: "" }, words.say("unanswered")), ...choices.map(([value, text]) => el("option", { value }, text)));
    return el("div", { class: "asked" }, el("label", { for: id }, name, ...mark), control);
  }

  controls(place) {
    return [...this.root.querySelectorAll(`[data-asked="${place}"]`)];
  }

  fill({ name, kind }, value, isMissing) {
    for (const control of this.controls(this.questions.findIndex((one) => one.name === name))) {
      if (kind === "several") control.checked = (value ?? []).includes(control.value);
      else if (control !== document.activeElement) control.value = value === undefined ? "" : String(value);
      control.setAttribute("aria-invalid", String(isMissing));
    }
  }

  changed({ target }) {
    const place = Number(target.dataset.asked);
    const { name, kind, options } = this.questions[place];
    const values = {
      several: () => this.controls(place).filter(({ checked }) => checked).map(({ value }) => value),
      yes_no: () => (target.value === "" ? null : target.value === "true"),
      number: () => (Number.isFinite(target.valueAsNumber) ? target.valueAsNumber : null),
      text: () => target.value.trim(),
      one: () => (options.includes(target.value) ? target.value : null),
    };
    this.onAnswer(name, values[kind]());
  }

  /** Enter and Escape lead back to the image; what was typed is kept by leaving the field. */
  key(event) {
    if (event.key !== "Escape" && !(event.key === "Enter" && !event.repeat)) return;
    event.preventDefault();
    this.onLeave();
  }

  focus(name) {
    this.controls(this.questions.findIndex((one) => one.name === name))[0]?.focus();
  }
}
