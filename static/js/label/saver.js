// Every answer until the server has said yes or no. No page here; sending and waiting are given.
// Answers of one image go in order (an undo waits for the save it undoes), different images side by side.

import { Refused, Unreachable } from "../api.js";

const AT_ONCE = 4;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class Saver {
  /**
   * @param {(sending: import("./types.js").Sending) => Promise<any>} send
   * @param {() => void} onChange
   * @param {{set: Function, clear: Function, random: () => number}} timers
   */
  constructor({ send, onChange, timers }) {
    Object.assign(this, { send, onChange, timers });
    /** @type {import("./types.js").Sending[]} */
    this.unsettled = [];
    this.failures = 0;
    /** Why the last attempt failed: "" | "offline" | "busy" | "signed_out" */
    this.trouble = "";
    this.pause = null;
  }

  get waiting() {
    return this.unsettled.length;
  }

  /** The next to go of each image: what can be sent as a last word, without leaving its order. */
  get heads() {
    const images = new Set();
    return this.unsettled.filter(({ imageId }) => !images.has(imageId) && images.add(imageId));
  }

  /** @returns {import("./types.js").Sending} */
  add({ imageId, method, body, key, undoes }) {
    const sending = { imageId, method, body, key, undoes, state: "waiting" };
    this.unsettled.push(sending);
    this.pump();
    return sending;
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
      if (sending.state === "waiting" && !busy.has(sending.imageId) && underWay < limit) {
        underWay += 1;
        void this.attempt(sending);
      }
      busy.add(sending.imageId);
    }
  }

  async attempt(sending) {
    sending.state = "sending";
    try {
      // What was refused is not there to be taken back.
      if (sending.undoes?.state !== "refused") await this.send(sending);
      this.settle(sending, "saved");
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
    this.failures = 0;
    this.trouble = "";
  }

  postpone(sending, error) {
    sending.state = "waiting";
    this.failures += 1;
    this.trouble = troubleOf(error);
    this.timers.clear(this.pause);
    this.pause = this.timers.set(() => this.wake(), pauseAfter(this.failures, error.retryAfter, this.timers.random()));
  }
}

/** "" when trying again is useless: the server understood and said no. */
export function troubleOf(error) {
  if (error instanceof Unreachable) return "offline";
  if (!(error instanceof Refused)) return "";
  if (error.status === 401 || SIGNED_OUT.has(error.code)) return "signed_out";
  return error.status >= 500 || error.status === 429 || error.status === 408 ? "busy" : "";
}
const SIGNED_OUT = new Set(["not_authenticated", "authentication_failed", "csrf_failed"]);

/** Milliseconds: doubled each time, spread by up to a half, so that a room full of tabs does not return as one. */
export function pauseAfter(failures, retryAfterSeconds, random) {
  if (retryAfterSeconds) return retryAfterSeconds * 1000 * (1 + random / 4);
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (1 + random / 2);
}
