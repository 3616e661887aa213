// Every answer until the server has said yes or no. No page here; sending, keeping and waiting are given.
// Answers of one image go in order (an undo waits for the save it undoes), different images side by side.

import { Refused } from "../api.js";
import { KEEPS_NOTHING } from "./keeper.js";
import { pauseAfter, troubleOf } from "./trouble.js";

const AT_ONCE = 4;

export class Saver {
  /**
   * @param {object} parts
   * @param {(sending: import("./types.js").Sending) => Promise<any>} parts.send
   * @param {() => void} parts.onChange
   * @param {() => void} [parts.onBack] the server answers again
   * @param {(sending: import("./types.js").Sending, saved: any) => void} [parts.onSaved] the server's own words
   * @param {import("./keeper.js").Keeper} [parts.keeper]
   * @param {{set: Function, clear: Function, random: () => number}} parts.timers
   */
  constructor({ send, onChange, onBack = () => {}, onSaved = () => {}, keeper = KEEPS_NOTHING, timers }) {
    Object.assign(this, { send, onChange, onBack, onSaved, keeper, timers });
    /** @type {import("./types.js").Sending[]} */
    this.unsettled = [];
    /** The server's final no, until the person has read it. @type {import("./types.js").Sending[]} */
    this.refused = [];
    this.failures = 0;
    /** Why the last attempt failed: "" | "offline" | "busy" | "signed_out" | "another_person" */
    this.trouble = "";
    /** @type {Error | null} */
    this.error = null;
    this.pause = null;
  }

  /** Of this person in this browser, other tabs included. */
  get waiting() {
    return this.unsettled.length + this.keeper.elsewhere.length;
  }

  /** Answers that would be lost with this tab: not sent, and the browser keeps none. */
  get atRisk() {
    return this.unsettled.some(({ kept }) => kept === "no");
  }

  /** The next to go of each image: what can be sent as a last word, without leaving its order. */
  get heads() {
    const images = new Set();
    return this.unsettled.filter(({ imageId }) => !images.has(imageId) && images.add(imageId));
  }

  /** @returns {import("./types.js").Sending} */
  add({ imageId, method, body, key, undoes, note }) {
    const sending = { imageId, method, body, key, undoes, note, state: "waiting" };
    this.unsettled.push(sending);
    this.keeper.keep(sending);
    this.pump();
    return sending;
  }

  /**
   * Go on with what another tab left.
   * @param {import("./types.js").Entry[]} entries
   * @returns {import("./types.js").Sending[]}
   */
  adopt(entries) {
    const known = new Map([...this.unsettled, ...this.refused].map((sending) => [sending.key, sending]));
    const adopted = [];
    for (const entry of entries) {
      if (known.has(entry.key)) continue;
      const sending = { ...entry, undoes: known.get(entry.undoes), kept: "yes" };
      known.set(entry.key, sending);
      adopted.push(sending);
    }
    this.refused.push(...adopted.filter(({ state }) => state === "refused"));
    for (const sending of adopted.filter(({ state }) => state === "waiting")) {
      // Before everything that is not known to be older, so that one's own keep their order.
      const place = this.unsettled.findIndex(({ seq }) => !(seq < sending.seq));
      this.unsettled.splice(place < 0 ? this.unsettled.length : place, 0, sending);
    }
    this.pump();
    return adopted;
  }

  /** Try now: the network is back, or the person looks at the page again. */
  wake() {
    this.timers.clear(this.pause);
    this.pause = null;
    this.pump();
  }

  pump() {
    if (this.pause !== null) return;
    // After a failure one probe goes first: forty waiting answers should not all knock at a server in trouble.
    const limit = this.failures ? 1 : AT_ONCE;
    const busy = new Set();
    let underWay = this.unsettled.filter(({ state }) => state === "sending").length;
    for (const sending of [...this.unsettled]) {
      if (sending.state === "waiting" && !busy.has(sending.imageId) && underWay < limit && this.isFirst(sending)) {
        underWay += 1;
        void this.attempt(sending);
      }
      busy.add(sending.imageId);
    }
  }

  /** Another tab may have an earlier word about the same image to send. */
  isFirst({ imageId, seq }) {
    return !this.keeper.elsewhere.some((other) => other.imageId === imageId && other.seq < seq);
  }

  async attempt(sending) {
    sending.state = "sending";
    try {
      // What was refused is not there to be taken back.
      const saved = sending.undoes?.state === "refused" ? null : await this.send(sending);
      this.settle(sending, "saved");
      this.onSaved(sending, saved);
    } catch (error) {
      if (error instanceof Refused && error.code === "nothing_to_undo") this.settle(sending, "saved");
      else if (troubleOf(error)) this.postpone(sending, error);
      else this.settle(sending, "refused", error);
    }
    this.pump();
    this.onChange();
  }

  settle(sending, state, error) {
    Object.assign(sending, { state, error });
    this.unsettled = this.unsettled.filter((other) => other !== sending);
    // Who has said something else about the image since need not read about the earlier word.
    const isToBeRead = state === "refused" && !this.unsettled.some(({ imageId }) => imageId === sending.imageId);
    if (isToBeRead) this.refused.push(sending);
    void (isToBeRead ? this.keeper.refuse(sending) : this.keeper.forget(sending));
    const wasAway = this.failures > 0;
    Object.assign(this, { failures: 0, trouble: "", error: null });
    if (!wasAway) return;
    this.timers.clear(this.pause);
    this.pause = null;
    this.onBack();
  }

  postpone(sending, error) {
    sending.state = "waiting";
    this.failures += 1;
    this.trouble = troubleOf(error);
    this.error = error;
    this.timers.clear(this.pause);
    // In another person's session nothing is tried: somebody has to come back first, and then wakes us.
    const pause = pauseAfter(this.failures, error.retryAfter, this.timers.random());
    this.pause = this.trouble === "another_person" ? 0 : this.timers.set(() => this.wake(), pause);
  }

  /** The person has read the server's no, or has given another answer. */
  dismiss(sending) {
    this.refused = this.refused.filter((other) => other !== sending);
    void this.keeper.forget(sending);
    this.onChange();
  }
}
