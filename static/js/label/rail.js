// The guideline beside the image: the class in question, or all of them. Draws; decides only which class that is.

import { el } from "../dom.js";
import { marker } from "./dock.js";
import { known } from "./known.js";

const REST_MS = 120; // a pointer that only passes over an answer changes nothing
const SEARCHED_FROM = 10; // classes
const NOTHING = [];

export class Rail {
  /**
   * @param {object} parts
   * @param {import("./types.js").Category[]} parts.categories
   * @param {HTMLElement} parts.dock where the answers are: the class under the pointer or the focus is in question
   * @param {import("./words.js").Words} parts.words
   * @param {boolean} parts.showNames of files; elsewhere a name is opaque and of no use
   * @param {(category: import("./types.js").Category, at: number) => void} parts.onEnlarge an example was clicked
   */
  constructor({ categories, dock, words, showNames, onEnlarge }) {
    Object.assign(this, { categories, words, showNames, onEnlarge });
    const $ = (id) => document.getElementById(id);
    Object.assign(this, { back: $("rail-back"), title: $("rail-title"), fileName: $("file-name"), card: $("about"), all: $("whole"), list: $("classes"), lab: $("lab") });
    this.close = $("rail").querySelector(".close");
    /** Class id -> {other: its place, images}. */
    this.mixups = new Map();
    Object.assign(this, { pointed: null, picked: null, last: null, before: new Set(), wholeWanted: false, suggested: NOTHING, drawn: undefined });
    this.back.addEventListener("click", () => this.showWhole());
    this.drawList();
    this.listenTo(dock);
  }

  /**
   * What is on the screen now.
   * @param {object} now
   * @param {import("./types.js").Claim["image"] | undefined} now.image
   * @param {number[] | null} now.suggestion null where the image is judged blind: nothing here may hint at the model then
   * @param {Set<number>} now.chosen
   */
  draw({ image, suggestion, chosen }) {
    // The pointer still lies where it pressed an answer to the image before: it asks again by moving.
    if (image?.id !== this.image) {
      Object.assign(this, { image: image?.id, pointed: null, picked: null, last: null, before: new Set() });
      this.uncover();
      this.fileName.textContent = this.fileName.title = (this.showNames && image?.name) || "";
    }
    const added = [...chosen].find((place) => !this.before.has(place));
    if (added !== undefined) this.last = added;
    else if (!chosen.has(this.last)) this.last = null;
    this.before = new Set(chosen);
    this.suggested = suggestion ?? NOTHING;
    this.redraw();
  }

  /** On a narrow screen the guideline lies over the image: the next one must not be answered unseen. */
  uncover() {
    if (this.lab.dataset.guide === "open" && this.close.offsetParent) this.close.click();
  }

  /** @returns {number | null} place of the class in question */
  get inQuestion() {
    const byItself = this.wholeWanted ? null : (this.last ?? this.suggested[0] ?? null);
    return this.pointed ?? this.picked ?? byItself;
  }

  showWhole() {
    Object.assign(this, { picked: null, pointed: null, wholeWanted: true });
    this.redraw();
    this.all.focus({ preventScroll: true });
  }

  pick(place) {
    Object.assign(this, { picked: place, wholeWanted: false });
    this.redraw();
    this.card.scrollTop = 0;
    this.card.focus({ preventScroll: true });
  }

  /** @param {Object<string, {other: number, images: number}>} mixups class id -> id of the other class */
  setMixups(mixups) {
    for (const [id, { other, images }] of Object.entries(mixups)) {
      const place = this.categories.findIndex((category) => category.id === other);
      if (place >= 0) this.mixups.set(Number(id), { place, images });
    }
    this.drawn = undefined;
    this.redraw();
  }

  // ---- drawing

  redraw() {
    if (this.marked !== this.suggested) {
      for (const place of this.marked ?? []) this.items[place].classList.remove("sug");
      for (const place of this.suggested) this.items[place].classList.add("sug");
      this.marked = this.suggested;
    }
    const place = this.inQuestion;
    if (place === this.drawn) return;
    this.drawn = place;
    const isOne = place !== null;
    this.card.hidden = !isOne;
    this.all.hidden = isOne;
    this.back.hidden = !isOne;
    this.title.hidden = isOne;
    if (isOne) this.card.replaceChildren(...this.about(this.categories[place]));
  }

  about(category) {
    const { name, description, examples = [], id } = category;
    return [
      el("h3", {}, marker(category), name),
      ...(description ? [el("p", {}, description)] : []),
      ...(examples.length ? [el("div", { class: "ex" }, ...examples.map((_, at) => this.example(category, at)))] : []),
      ...(this.mixups.has(id) ? [this.mixup(this.mixups.get(id))] : []),
    ];
  }

  example(category, at) {
    const example = category.examples[at];
    const { image, caption } = example;
    const name = this.words.say("example_enlarge", { name: caption || category.name });
    const button = el("button", { type: "button", "aria-label": name }, thumbnail(image), ...known(example, "slice"));
    button.addEventListener("click", () => this.onEnlarge(category, at));
    return el("figure", {}, button, ...(caption ? [el("figcaption", {}, caption)] : []));
  }

  mixup({ place, images }) {
    const other = this.categories[place];
    const [example] = other.examples ?? [];
    const button = this.opener(place);
    return el(
      "section",
      { class: "mix" },
      el("h4", {}, this.words.say("mixed_up_with"), " ", el("span", { class: "dim num" }, this.words.say(images === 1 ? "mixed_up_image" : "mixed_up_images", { n: images }))),
      el(
        "div",
        { class: "row" },
        ...(example ? [thumbnail(example.image)] : []),
        el("div", {}, button, ...(other.description ? [el("p", { class: "mut" }, other.description)] : [])),
      ),
    );
  }

  /** Its name says that it explains: there is a button of the same class that answers. */
  opener(place) {
    const category = this.categories[place];
    const button = el("button", { type: "button", class: "link", "aria-label": this.words.say("about_class", { name: category.name }) }, marker(category), category.name);
    button.addEventListener("click", () => this.pick(place));
    return button;
  }

  drawList() {
    this.items = this.categories.map((category, place) => {
      const [example] = category.examples ?? [];
      const button = this.opener(place);
      return el(
        "li",
        {},
        ...(example ? [thumbnail(example.image)] : []),
        el("div", {}, button, ...(category.description ? [el("p", { class: "mut" }, category.description)] : [])),
      );
    });
    this.list.replaceChildren(...this.items);
    if (this.categories.length >= SEARCHED_FROM) this.list.before(this.search());
  }

  search() {
    const field = el("input", { type: "search", "aria-label": this.words.say("search_classes"), placeholder: this.words.say("search_classes"), autocomplete: "off", spellcheck: "false" });
    const found = el("p", { class: "xs mut", role: "status" });
    const texts = this.categories.map(({ name, description }) => plain(`${name} ${description}`));
    field.addEventListener("input", () => {
      const words = plain(field.value).split(" ").filter(Boolean);
      const hits = texts.map((text) => words.every((word) => text.includes(word)));
      for (const [place, item] of this.items.entries()) item.hidden = !hits[place];
      found.textContent = words.length ? this.words.say("found_classes", { n: hits.filter(Boolean).length, total: texts.length }) : "";
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      if (field.value) Object.assign(field, { value: "" }).dispatchEvent(new Event("input"));
      else field.blur();
    });
    return el("div", { class: "find" }, field, found);
  }

  // ---- which class is pointed at

  listenTo(dock) {
    const at = (event) => event.target instanceof Element && event.target.closest("[data-place]");
    const point = (place) => {
      clearTimeout(this.rest);
      if (place === this.pointed) return;
      this.pointed = place;
      this.redraw();
    };
    const soon = (place) => {
      clearTimeout(this.rest);
      if (place !== this.pointed) this.rest = setTimeout(() => point(place), REST_MS);
    };
    dock.addEventListener("pointermove", (event) => {
      const button = event.pointerType !== "touch" && at(event); // a finger that points has answered
      if (button) soon(Number(button.dataset.place));
    });
    dock.addEventListener("pointerleave", () => soon(null));
    dock.addEventListener("focusin", (event) => {
      const button = at(event);
      if (button?.matches(":focus-visible")) point(Number(button.dataset.place));
    });
    dock.addEventListener("focusout", () => point(null));
  }
}

/** A small picture of an image; what it shows is said beside it. */
function thumbnail(image) {
  return el("img", { src: `/api/images/${image}/thumb/`, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
}

/** For comparing: case and accents do not matter. */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
