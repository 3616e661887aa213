// Answers that the server refused because of one object: its image is shown again with that object chosen.

export const CROSSING = "self_crossing";

export class Refusals {
  /**
   * @param {object} parts
   * @param {import("../saver.js").Saver} parts.saver
   * @param {import("./session.js").DrawnSession} parts.session
   * @param {import("../words.js").Words} parts.words
   */
  constructor({ saver, session, words }) {
    Object.assign(this, { saver, session, words, seen: new Set() });
  }

  /** @returns {{sending: import("../types.js").Sending, objects: {number: number, reason: string}[]} | undefined} */
  of(imageId) {
    const sending = this.saver.refused.findLast((each) => each.imageId === imageId);
    const objects = sending?.error?.fields?.objects;
    return Array.isArray(objects) && objects[0]?.reason ? { sending, objects } : undefined;
  }

  /** Back to the image by itself, where that costs nobody any work. @param {() => boolean} isFree nothing is drawn on the one on screen */
  open(isFree) {
    const { saver, session } = this;
    for (const sending of saver.refused) {
      if (this.seen.has(sending.key)) continue;
      this.seen.add(sending.key);
      const answered = session.history.find((other) => other.sending === sending);
      if (!answered || !this.of(sending.imageId) || session.editing || !isFree()) continue;
      queueMicrotask(() => session.open(answered));
      return;
    }
  }

  /** @param {import("../../draw/scene.js").Scene} scene @returns {string} a sentence; "" where nothing was refused */
  chooseIn(scene, imageId) {
    const found = this.of(imageId);
    if (!found) return "";
    const [{ number, code, reason }] = found.objects;
    const keys = found.objects.map((each) => scene.objects[each.number]?.key).filter(Boolean);
    scene.choose(keys);
    return this.words.say("object_refused", { n: number + 1, reason: code === CROSSING ? this.words.say("mend_more") : reason });
  }
}
