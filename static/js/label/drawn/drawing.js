// Drawing on the labeling screen: the board, what belongs to it on the page, and when an answer is complete.
// Knows the image on screen; how answers are sent and images come is the session's.

import { Board } from "../../draw/board.js";
import { Attributes } from "./attributes.js";
import { missingOf, answered as withAnswer } from "./asked.js";
import { doesOf } from "./does.js";
import { Drafts } from "./drafts.js";
import { ClickedPixels } from "./clicked.js";
import { ObjectList } from "./list.js";
import { hear } from "./hearing.js";
import { Origins, suggestedObjects } from "./origins.js";
import { CROSSING, Refusals } from "./refusals.js";
import { DraftStore } from "./store.js";
import { Toolbar } from "./toolbar.js";
import { usable } from "./usable.js";

export { DrawnSession } from "./session.js";

const $ = (id) => document.getElementById(id);
const PATIENCE_MS = 1_000;
const SUGGESTED = [8, 5]; // CSS pixels of line and gap

export class Drawing {
  /** @param {object} parts of page.js */
  constructor({ config, words, session, saver, keys, person, call, announce, timers, onChange }) {
    Object.assign(this, { config, words, session, keys, announce, onChange });
    session.connect(this);
    this.drafts = new Drafts({ person, store: new DraftStore(), call, onChange, timers });
    /** What was drawn before is known before the first image; nobody waits long for that. */
    this.isReady = Promise.race([this.drafts.start(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    this.origins = new Origins();
    this.refusals = new Refusals({ saver, session, words });
    this.pixels = new ClickedPixels({ call });
    this.board = new Board($("stage"), {
      onChange: (_, what) => this.boardChanged(what),
      onChoose: () => this.draw(),
      onSay: announce,
      onTell: (text) => (this.tell(text), onChange()),
      onPixels: (asked) => this.pixels.at(this.imageId, asked),
      onBefore: () => this.objectsBefore(),
      dashOf: (object) => (this.origins.isSuggested(object) ? SUGGESTED : undefined),
      pageHears: true,
    });
    this.board.task = config.draws;
    this.board.setClasses(config.categories);
    this.board.setTools(config.tools[1].replace("tool_", ""));
    this.does = doesOf(this);
    this.toolbar = new Toolbar($("tools"));
    this.list = new ObjectList($("objects"), { words, categoryOf: (id) => this.classOf(id), onDo: (what, key, event) => this.does.to(what, key, event) });
    this.attributes = new Attributes($("asked"), {
      questions: config.questions,
      words,
      onAnswer: (name, value) => this.answerQuestion(name, value),
      onLeave: () => this.board.stage.focus({ preventScroll: true }),
    });
    this.key = (event) => hear(this, event);
    this.viewerFor = (onChange) => Object.assign(this.board.picture, { onChange });
    addEventListener("blur", () => session.isSomebodyElses || this.drafts.hurry(this.imageId));
    addEventListener("pagehide", () => session.isSomebodyElses || this.drafts.leave());
  }

  get scene() {
    return this.board.scene;
  }

  classOf(id) {
    return this.config.categories.find((category) => category.id === id);
  }

  numberOf(object) {
    return { n: this.scene.objects.indexOf(object) + 1, name: this.classOf(object.category)?.name ?? "…" };
  }

  // ---- the image on screen, as view.js asks for it

  /** @param {HTMLImageElement} img @param {import("../types.js").Claim["image"]} image */
  show(img, image) {
    this.imageId = image.id;
    const claim = this.session.queue.current;
    const suggested = this.session.editing ? [] : usable(suggestedObjects(claim.prelabel), this.config.categories);
    this.origins = new Origins(suggested);
    const draft = this.drafts.find(image.id, claim.draft);
    const objects = usable(draft ?? this.session.given.get(image.id) ?? suggested, this.config.categories);
    this.isBefore = draft !== null || this.session.given.has(image.id);
    this.board.show({ ...image, img }, objects);
    if (this.scene.openPolygon) this.board.setTools("polygon");
    this.tell(this.refusals.chooseIn(this.scene, image.id) || (draft ? this.words.say("restored") : ""));
    if (document.activeElement === document.body) this.board.stage.focus({ preventScroll: true });
  }

  clear() {
    this.board.clear();
  }

  boardChanged(what) {
    if (what === "load") return;
    if (this.session.painted) this.drafts.change(this.imageId, this.scene.toDraft());
    this.tell("");
    this.onChange();
  }

  /** A sentence above the image, also spoken. */
  tell(text) {
    if ($("draw-said").textContent !== text) $("draw-said").textContent = text;
  }

  // ---- what the session asks for

  takeClass(id) {
    this.board.chooseClass(id);
    this.session.holdClass(this.config.categories.findIndex((category) => category.id === this.board.category));
  }

  /** What Enter does. The places say how many objects, and of which classes. */
  enterMeans() {
    if (this.board.tool.proposal) return { kind: "take", places: [] };
    const objects = this.scene.objects.filter(({ open }) => !open);
    if (!objects.length) return { kind: "empty", places: [] };
    const places = objects.map(({ category }) => Math.max(0, this.config.categories.findIndex(({ id }) => id === category)));
    const isUntouched = !this.isBefore && !this.scene.past.length && objects.every((object) => this.origins.isSuggested(object));
    return { kind: isUntouched ? "keep" : "done", places };
  }

  /** The image is done, unless something is missing: then that is chosen and said. */
  finish() {
    const { scene, words } = this;
    if (this.takes()) return true;
    const open = scene.objects.find((object) => object.open);
    if (open) return this.refuse(open, words.say("unfinished", this.numberOf(open)));
    for (const object of scene.objects) {
      const question = missingOf(this.config.questions, object);
      if (!question) continue;
      this.refuse(object, words.say("missing_attribute", { ...this.numberOf(object), question: question.name }), question.name);
      this.attributes.focus(question.name);
      return true;
    }
    return this.session.answerObjects(scene.toSend());
  }

  refuse(object, sentence, missing = null) {
    this.missing = missing;
    if (!object.open && !this.board.tool.keepsChoice) this.board.setTools("select"); // which marks it in the picture
    this.scene.choose([object.key]);
    this.missing = null;
    this.tell(sentence);
    return true;
  }

  /** What a click has found and nobody has taken: it is taken first, and seen before anything is saved. */
  takes() {
    const { tool } = this.board;
    if (!tool.clicks?.length) return false;
    if (tool.asking) return true;
    tool.take();
    return true;
  }

  finishEmpty() {
    if (this.takes()) return true;
    const n = this.scene.objects.length;
    if (!n) return this.session.answerObjects([]);
    this.tell(this.words.say("not_empty", { n }));
    return true;
  }

  /** @returns {boolean} true: something is drawn here, and it was said how to take that back */
  refusesToGoBack() {
    if (!this.session.painted || !this.scene.past.length) return false;
    this.tell(this.words.say(this.session.editing ? "changed_stays" : "undo_within"));
    return true;
  }

  /** An earlier answer stays as it was. */
  forget(imageId) {
    this.drafts.drop(imageId);
    this.session.given.delete(imageId);
  }

  /** Something is drawn on it that is not answered. */
  isBegun(imageId) {
    return this.drafts.kept.has(imageId);
  }

  changed(what, answered) {
    if (what !== "answered") return;
    const { claim, choice } = answered;
    const { id } = claim.image;
    this.drafts.end(id);
    claim.draft = null;
    // A skip is soon taken back: what was drawn before it is there again.
    const left = choice.objects || id !== this.imageId ? [] : this.scene.toDraft();
    if (left.length) this.session.given.set(id, left);
    else this.session.given.delete(id);
  }

  /** For V: the last answer of this session, as far as it fits. */
  objectsBefore() {
    const { image } = this.board;
    const before = this.session.history.find(({ claim, choice }) => claim.image.id !== image.id && choice.objects?.length);
    const objects = usable(before?.choice.objects ?? [], this.config.categories, image);
    if (!objects.length) this.tell(this.words.say("nothing_before"));
    return objects;
  }

  answerQuestion(name, value) {
    const [object] = this.scene.chosenObjects;
    if (object) this.scene.change(object.key, { attributes: withAnswer(object.attributes, name, value) }, "answer");
  }

  // ---- drawing

  draw() {
    if (!this.list) return; // the board speaks while it is made
    const { scene, board, words } = this;
    const chosen = scene.chosenObjects;
    this.list.draw({ objects: scene.objects, chosen: scene.chosen, noteOf: (object) => this.noteOf(object) });
    $("objects-none").hidden = scene.objects.length > 0;
    for (const part of document.querySelectorAll("[data-number-of-objects]")) part.textContent = words.number(scene.objects.length);
    const [one] = chosen.length === 1 ? chosen : [null];
    this.attributes.draw(one, one ? words.say("object_group", this.numberOf(one)) : "", this.missing ?? null);
    this.toolbar.draw({
      tool: board.toolName,
      able: { step_undo: scene.past.length > 0, step_redo: scene.future.length > 0, remove: chosen.some(({ locked }) => !locked) },
    });
    this.refusals.open(() => scene.past.length === 0);
  }

  noteOf(object) {
    if (object.open) return this.words.say("object_unfinished");
    if (missingOf(this.config.questions, object)) return this.words.say("object_missing");
    return this.origins.isSuggested(object) ? this.words.say("object_suggested") : "";
  }

  /** @param {import("../view.js").View} view @returns {import("../notices.js").Notice[]} */
  notices(view) {
    const { words, drafts, imageId } = this;
    const refused = this.session.editing && this.refusals.of(imageId);
    if (refused && refused.objects.every(({ code }) => code === CROSSING)) {
      const mend = view.button(words.say("mend"), () => this.session.answerObjects(this.scene.toSend(), { mend: true }));
      return [{ text: words.say("mend_more"), isQuiet: true, actions: [mend] }];
    }
    if (drafts.conflict === null || drafts.conflict !== imageId) return [];
    const load = view.button(words.say("newer_load"), () => void drafts.load(imageId).then(() => this.showAgain(), (error) => this.tell(error.message)));
    const mine = view.button(words.say("newer_mine"), () => void drafts.send(imageId, { force: true }));
    return [{ text: words.say("newer_draft"), isQuiet: true, actions: [load, mine] }];
  }

  showAgain() {
    this.board.show(this.board.image, usable(this.drafts.find(this.imageId) ?? [], this.config.categories));
    this.onChange();
  }
}
