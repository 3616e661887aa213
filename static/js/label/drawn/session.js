// The session where people draw: an answer is what is on the board, a class is what comes next. No page here.

import { Session } from "../session.js";

export class DrawnSession extends Session {
  /** @param {import("./drawing.js").Drawing} drawing */
  connect(drawing) {
    this.drawing = drawing;
    /** Objects of images that are shown again, by id: of an earlier answer, or left behind by a skip. @type {Map<number, object[]>} */
    this.given = new Map();
    if (this.project.categories.length) this.inHand = 0;
    this.clear();
  }

  /** The class in hand stays from image to image. */
  clear() {
    super.clear();
    if (this.inHand !== undefined) this.chosen.add(this.inHand);
  }

  /** Nothing is suggested about the image as a whole. */
  get suggestion() {
    return null;
  }

  get enter() {
    return this.drawing ? this.drawing.enterMeans() : { kind: "nothing", places: [] };
  }

  /** The class of what is drawn next, or of what is chosen. */
  choose(place) {
    if (!this.painted || place >= this.project.categories.length) return false;
    this.drawing.takeClass(this.project.categories[place].id);
    return true;
  }

  /** The board has another class in hand. */
  holdClass(place) {
    if (place < 0 || place === this.inHand) return;
    this.inHand = place;
    this.chosen = new Set([place]);
    this.onChange("chosen");
  }

  pressEnter() {
    return this.painted && this.drawing.finish();
  }

  answerNone() {
    return this.painted && this.drawing.finishEmpty();
  }

  /** @param {object[]} objects as they are sent @param {{mend?: boolean}} [how] mend: borders that cross themselves are made whole */
  answerObjects(objects, { mend = false } = {}) {
    const categories = [...new Set(objects.map(({ category }) => category))];
    return this.answer({ categories, objects, ...(mend && { mend }) });
  }

  /** Only where nothing was drawn: a key for one step must not lead to another image. */
  undo() {
    return this.drawing.refusesToGoBack() || super.undo();
  }

  leave() {
    if (this.editing) this.drawing.forget(this.editing.claim.image.id);
    return super.leave();
  }

  show(answered, { open }) {
    this.clear();
    this.queue.bringBack(answered.claim, { open });
    if (answered.choice.objects) this.given.set(answered.claim.image.id, answered.choice.objects);
  }
}
