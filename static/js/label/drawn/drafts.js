// What is drawn and not answered yet: in this browser at once, on the server at most every 15 seconds.
// Knows drafts by image; not the board. Nobody waits for any of it.

import { Refused } from "../../api.js";
import { troubleOf } from "../trouble.js";

const SOON_MS = 1_500; // a first change is seldom alone
const EVERY_MS = 15_000;
const MOST_WITH_THE_PAGE = 60_000; // bytes: browsers send no more once the page is gone

const draftUrl = (imageId) => `/api/images/${imageId}/draft/`;

export class Drafts {
  /**
   * @param {object} parts
   * @param {number} parts.person
   * @param {import("./store.js").DraftStore} parts.store
   * @param {(method: string, url: string, options?: object) => Promise<any>} parts.call
   * @param {() => void} parts.onChange
   * @param {{set: Function, clear: Function}} parts.timers
   */
  constructor({ person, store, call, onChange, timers, now = () => Date.now() }) {
    Object.assign(this, { person, store, call, onChange, timers, now });
    /** @type {Map<number, import("./types.js").Draft>} */
    this.kept = new Map();
    this.writing = new Map();
    this.alarm = null;
    this.sentAt = -Infinity;
    this.works = true;
    /** The image of which another screen has a newer draft. @type {number | null} */
    this.conflict = null;
  }

  /** Read what earlier pages left, and tell the server what it has not seen. Never fails. */
  async start() {
    try {
      for (const draft of await this.store.all(this.person)) if (!this.kept.has(draft.imageId)) this.kept.set(draft.imageId, { ...draft, isHomeless: false });
    } catch {
      this.fails();
    }
    await Promise.all([...this.kept.keys()].map((imageId) => this.send(imageId)));
  }

  /**
   * What was drawn on an image, wherever the latest is.
   * @param {number} imageId @param {{objects: object[], revision: number} | null} [told] the server's copy, with the claim
   * @returns {object[] | null} null: nothing
   */
  find(imageId, told = null) {
    const own = this.kept.get(imageId);
    // What was not sent yet is this screen's latest; should the server have a newer one, the next save says so.
    if (own && (!told || !own.isSent || own.revision >= told.revision)) return own.objects;
    if (!told) return null;
    this.take(imageId, told);
    return told.objects;
  }

  take(imageId, { objects, revision }, isSent = true) {
    const draft = { key: `${this.person}:${imageId}`, person: this.person, imageId, objects, revision, isSent, at: this.now() };
    this.kept.set(imageId, draft);
    this.write(imageId);
    return draft;
  }

  /** The objects are others now. */
  change(imageId, objects) {
    this.take(imageId, { objects, revision: this.kept.get(imageId)?.revision ?? 0 }, false);
    this.schedule(imageId);
  }

  /** It was answered: the server ends its copy with the answer. */
  end(imageId) {
    if (this.conflict === imageId) this.conflict = null;
    if (this.kept.delete(imageId)) this.write(imageId);
  }

  /** It is to be forgotten, here and there. */
  drop(imageId) {
    const had = this.kept.get(imageId)?.revision;
    this.end(imageId);
    // One that stays behind ends with the next answer or after a week.
    if (had) void this.call("DELETE", draftUrl(imageId)).catch(() => {});
  }

  // ---- this browser

  /** One write of an image at a time, always of the latest. */
  write(imageId) {
    if (this.writing.has(imageId)) return void this.writing.set(imageId, true);
    this.writing.set(imageId, false);
    const draft = this.kept.get(imageId);
    const done = draft ? this.store.put(draft) : this.store.remove(`${this.person}:${imageId}`);
    void done
      .catch(() => this.fails())
      .then(() => {
        const again = this.writing.get(imageId);
        this.writing.delete(imageId);
        if (again) this.write(imageId);
      });
  }

  fails() {
    if (!this.works) return;
    this.works = false;
    this.onChange();
  }

  // ---- the server

  schedule(imageId, pause = Math.max(SOON_MS, this.sentAt + EVERY_MS - this.now())) {
    this.alarm ??= this.timers.set(() => {
      this.alarm = null;
      void this.send(imageId);
    }, pause);
  }

  /** @param {{force?: boolean}} [how] force: in the place of whatever another screen has saved */
  async send(imageId, { force = false } = {}) {
    const draft = this.kept.get(imageId);
    if (!draft || draft.isSent || draft.isHomeless || (this.conflict === imageId && !force)) return this.next(imageId);
    this.sentAt = this.now();
    const { objects, revision } = draft;
    try {
      const saved = await this.call("PUT", draftUrl(imageId), { body: force ? { objects } : { objects, revision } });
      this.arrived(imageId, objects, saved.revision);
    } catch (error) {
      await this.failed(imageId, error);
    }
    this.next(imageId);
  }

  arrived(imageId, objects, revision) {
    const draft = this.kept.get(imageId);
    // Answered meanwhile: what has just arrived would outlive the answer.
    if (!draft) return void this.call("DELETE", draftUrl(imageId)).catch(() => {});
    if (this.conflict === imageId) this.conflict = null;
    Object.assign(draft, { revision, isSent: draft.objects === objects });
    this.write(imageId);
    this.onChange();
  }

  async failed(imageId, error) {
    const draft = this.kept.get(imageId);
    if (!draft || troubleOf(error)) return; // again in 15 seconds
    const isStale = error instanceof Refused && error.status === 412;
    // What a closing page sends arrives, but its answer is heard by nobody: that is no other screen.
    const there = isStale ? await this.call("GET", draftUrl(imageId)).catch(() => null) : null;
    if (there && sameText(there.objects) === sameText(draft.objects)) return this.arrived(imageId, draft.objects, there.revision);
    if (isStale) this.conflict = imageId;
    else draft.isHomeless = true; // no claim any more, or too many objects: the answer will say so, this browser has it
    this.onChange();
  }

  /** Somebody turns to another window, perhaps to go on elsewhere: now, and not in 15 seconds. */
  hurry(imageId) {
    this.timers.clear(this.alarm);
    this.alarm = null;
    void this.send(imageId);
  }

  /** Whatever is not sent yet: of the image on screen, then of others. */
  next(imageId) {
    const waits = (draft) => draft && !draft.isSent && !draft.isHomeless && draft.imageId !== this.conflict;
    const next = waits(this.kept.get(imageId)) ? imageId : [...this.kept.values()].find(waits)?.imageId;
    if (next !== undefined) this.schedule(next);
  }

  /** The newer one of another screen, in the place of this one. @returns {Promise<object[]>} its objects */
  async load(imageId) {
    const told = await this.call("GET", draftUrl(imageId));
    this.conflict = null;
    this.take(imageId, told);
    return told.objects;
  }

  /** The page goes: what the server has not seen is sent once more, if the browser lets it. */
  leave() {
    for (const { imageId, objects, revision, isSent } of this.kept.values()) {
      const body = { objects, revision };
      if (isSent || this.conflict === imageId || JSON.stringify(body).length > MOST_WITH_THE_PAGE) continue;
      void this.call("PUT", draftUrl(imageId), { body, keepalive: true }).catch(() => {});
    }
  }
}

/** The database keeps no order of members. */
function sameText(value) {
  return JSON.stringify(value, (_, each) => {
    if (each === null || typeof each !== "object" || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
