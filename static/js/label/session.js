// What happens when a person answers, takes back, changes, skips. No page here: it moves images through the queue,
// hands answers to the saver and keeps the history. The page draws what it reads from here.

import { bodyOf, enterMeans, suggested } from "./answers.js";
import { Feeder } from "./feeder.js";
import { counts, leftOpen, noteOf, withKept } from "./kept.js";
import { gravest } from "./standing.js";

export class Session {
  /**
   * @param {object} parts
   * @param {{id: number, multi: boolean, labelSet: number, categories: import("./types.js").Category[], done: number, known: string[],
   *   recent: import("./types.js").Answered[]}} parts.project
   * @param {import("./queue.js").ImageQueue} parts.queue
   * @param {import("./saver.js").Saver} parts.saver
   * @param {import("./stopwatch.js").Stopwatch} parts.stopwatch
   * @param {() => string} parts.newKey
   * @param {(what: string, answered?: import("./types.js").Answered) => void} parts.onChange
   * @param {{set: Function, clear: Function, random: () => number}} parts.timers
   */
  constructor({ project, queue, saver, stopwatch, newKey, onChange, timers }) {
    Object.assign(this, { project, queue, saver, stopwatch, newKey, onChange });
    this.done = project.done;
    /** @type {import("./types.js").Answered[]} newest first */
    this.history = [...project.recent];
    /** @type {import("./types.js").Answered | null} an earlier answer that is on screen to be changed */
    this.editing = null;
    const isWanted = () => project.categories.length > 0;
    this.feeder = new Feeder({ queue, saver, isWanted, onChange: (what) => onChange(what), timers });
    this.clear();
  }

  /** A new image comes: nothing chosen, nothing painted. Until it is painted no key counts. */
  clear() {
    this.painted = false;
    this.chosen = new Set();
    this.touched = false;
    this.stopwatch.reset();
  }

  markPainted() {
    this.painted = true;
    this.stopwatch.start();
  }

  get suggestion() {
    // Someone who changes an answer has made up their mind; their own former answer is marked instead.
    return this.editing ? null : suggested(this.queue.current?.prelabel, this.project.categories);
  }

  get enter() {
    const { chosen, touched, suggestion } = this;
    return enterMeans({ multi: this.project.multi, chosen, touched, suggestion });
  }

  /** What stands in the way of working with the server. @returns {import("./trouble.js").Trouble} */
  get trouble() {
    return gravest([this.saver.trouble, this.feeder.trouble]);
  }

  /** Somebody else is logged in by now: what they would press is not this person's answer. */
  get isSomebodyElses() {
    return this.trouble === "another_person";
  }

  /** A class was chosen, by key, click or tap. In multi-label work that switches it on or off. */
  choose(place) {
    if (!this.painted || place >= this.project.categories.length) return false;
    if (!this.project.multi) return this.answerPlaces([place]);
    this.touched = true;
    if (!this.chosen.delete(place)) this.chosen.add(place);
    this.onChange("chosen");
    return true;
  }

  pressEnter() {
    const { kind, places } = this.enter;
    return kind === "nothing" ? false : this.answerPlaces(places);
  }

  /** A verified "none of these", whatever is switched on. */
  answerNone() {
    return this.project.multi && this.answerPlaces([]);
  }

  answerPlaces(places) {
    return this.painted && this.answer({ categories: places.map((place) => this.project.categories[place].id) });
  }

  cannotTell() {
    return this.painted && this.answer({ answer: "cannot_tell" });
  }

  /** Also for an image that will not load: that is what skipping is for. Without a network none would. */
  skip() {
    if (!this.queue.current || (!this.painted && this.trouble === "offline")) return false;
    return this.answer({ answer: "skip" });
  }

  /** @param {import("./types.js").Choice} choice */
  answer(choice) {
    if (this.isSomebodyElses) return false;
    const claim = this.queue.current;
    const body = bodyOf(choice, { seconds: this.stopwatch.read(), labelSet: this.project.labelSet });
    const step = counts(choice) - (this.editing ? counts(this.editing.choice) : 0);
    const note = noteOf(claim, choice, { project: this.project, step });
    const sending = this.saver.add({ imageId: claim.image.id, method: "PUT", body, key: this.newKey(), note });
    if (this.editing) this.forget(this.editing); // and come first: the next undo takes this answer back
    const answered = { claim, choice, sending };
    this.history.unshift(answered);
    this.done += counts(choice);
    this.editing = null;
    this.clear();
    this.queue.advance();
    this.onChange("answered", answered);
    void this.feed();
    return true;
  }

  /** Take the last answer back and show its image; while changing one: leave it as it was. */
  undo() {
    if (this.editing) return this.leave();
    const [last] = this.history;
    if (!last || this.isSomebodyElses) return false;
    const { claim, choice, sending: undoes } = last;
    const note = noteOf(claim, choice, { project: this.project, step: -counts(choice) });
    this.saver.add({ imageId: claim.image.id, method: "DELETE", key: this.newKey(), undoes, note });
    this.forget(last);
    this.show(last, { open: true });
    this.onChange("undone", last);
    return true;
  }

  /** Show an earlier answer again, to be changed. Nothing is sent until there is another answer. */
  open(answered) {
    if (this.isSomebodyElses) return;
    if (this.editing) this.leave();
    this.editing = answered;
    this.show(answered, { open: false });
    this.onChange("opened", answered);
  }

  /** Leave an earlier answer as it was. */
  leave() {
    if (!this.editing) return false;
    this.editing = null;
    this.clear();
    this.queue.advance();
    this.onChange("left");
    return true;
  }

  show(answered, { open }) {
    this.clear();
    this.queue.bringBack(answered.claim, { open });
    const { categories = [] } = answered.choice;
    const places = categories.map((id) => this.project.categories.findIndex((category) => category.id === id));
    // In multi-label work the former classes are switched on, so that a correction costs one key.
    if (this.project.multi || this.editing) this.chosen = new Set(places.filter((place) => place >= 0));
    this.touched = this.project.multi;
  }

  forget(answered) {
    this.history = this.history.filter((other) => other !== answered);
    this.done -= counts(answered.choice);
    if (answered.sending?.state === "refused") this.saver.dismiss(answered.sending);
  }

  /** The person has read why something was refused and lets it go. */
  dismiss(sending) {
    const answered = this.history.find((other) => other.sending === sending);
    if (answered) this.forget(answered);
    else this.saver.dismiss(sending);
    this.onChange("dismissed");
  }

  /**
   * Go on where an earlier tab of this person stopped.
   * @param {import("./types.js").Sending[]} sendings
   */
  resume(sendings) {
    const own = sendings.filter(({ note }) => note.project === this.project.id);
    Object.assign(this, withKept(this, own, new Set(this.project.known)));
    for (const { imageId, method } of own) {
      if (method === "PUT") this.queue.answered.add(imageId);
      else this.queue.answered.delete(imageId);
    }
    if (!this.queue.current) for (const claim of leftOpen(own)) this.queue.bringBack(claim, { open: true });
    this.onChange("resumed");
  }

  /** Ask for more images when few are left; `now`: in any case. */
  feed(options) {
    return this.feeder.feed(options);
  }

  /** Why no more images came. @returns {Error | null} */
  get feedTrouble() {
    return this.feeder.error;
  }

  /** Renew the leases of what is held, quietly: a failure shows when something is saved. */
  async renew() {
    if (!this.queue.held.length) return;
    await this.feed({ now: true });
  }
}
