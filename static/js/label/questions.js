// Questions to the team about an image. What was sent but has not arrived is kept in this browser, for this person alone, and
// goes when the connection is back; until then it is said that it waits.

import { troubleOf } from "./trouble.js";

const STORE = "questions-of-"; // and the person's id: another person's log-in must not send them

export class Questions {
  /**
   * @param {object} parts
   * @param {number} parts.person id
   * @param {(imageId: number, text: string, key: string) => Promise<any>} parts.send
   * @param {() => string} parts.newKey
   * @param {() => void} parts.onChange
   * @param {Storage | null} [parts.storage] null: switched off in this browser
   */
  constructor({ person, send, newKey, onChange, storage = ownStorage() }) {
    Object.assign(this, { send, newKey, onChange, storage, place: STORE + person });
    /** Not arrived yet, by image. @type {Map<number, {text: string, key: string}>} */
    this.waiting = new Map(this.read());
    /** Begun and left, by image; until the page goes. */
    this.drafts = new Map();
    /** Images asked about on this page. */
    this.asked = new Set();
    this.underWay = null;
  }

  textFor(imageId) {
    return this.drafts.get(imageId) ?? this.waiting.get(imageId)?.text ?? "";
  }

  keepDraft(imageId, text) {
    if (text.trim()) this.drafts.set(imageId, text);
    else this.drafts.delete(imageId);
  }

  /**
   * @returns {Promise<null | Error>} null: it has arrived. Unreachable: it is kept and waits. Else: why it was refused.
   */
  async ask(imageId, text) {
    const before = this.waiting.get(imageId);
    // The same words under the same key: should the first attempt have arrived after all, the team reads them once.
    this.waiting.set(imageId, before?.text === text ? before : { text, key: this.newKey() });
    this.write(imageId);
    return this.deliver(imageId);
  }

  async deliver(imageId) {
    const { text, key } = this.waiting.get(imageId);
    try {
      await this.send(imageId, text, key);
    } catch (error) {
      if (troubleOf(error)) this.onChange(); // it may go later
      else this.drop(imageId);
      return error;
    }
    this.drafts.delete(imageId);
    this.asked.add(imageId);
    this.drop(imageId);
    return null;
  }

  /** Try again all that waits, one after the other. */
  retry() {
    this.underWay ??= this.deliverAll().finally(() => (this.underWay = null));
    return this.underWay;
  }

  async deliverAll() {
    for (const imageId of [...this.waiting.keys()]) {
      const text = this.waiting.get(imageId)?.text;
      const error = await this.deliver(imageId);
      if (troubleOf(error)) return;
      if (error) this.drafts.set(imageId, text); // refused: the words are not lost
    }
  }

  /** The person lets go of what waits. */
  drop(imageId) {
    this.waiting.delete(imageId);
    this.write(imageId);
    this.onChange();
  }

  read() {
    try {
      return JSON.parse(this.storage?.getItem(this.place) ?? "[]");
    } catch {
      return [];
    }
  }

  /** One entry alone: another tab may keep some of its own. */
  write(imageId) {
    const kept = new Map(this.read());
    if (this.waiting.has(imageId)) kept.set(imageId, this.waiting.get(imageId));
    else kept.delete(imageId);
    try {
      if (kept.size) this.storage?.setItem(this.place, JSON.stringify([...kept]));
      else this.storage?.removeItem(this.place);
    } catch {
      // Full or switched off: it waits as long as the page is open.
    }
  }
}

/** Storage may be switched off altogether. */
function ownStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
