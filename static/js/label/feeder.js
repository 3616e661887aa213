// Keeps images coming: asks for more when few are left, and again after a failure. No page here.

import { pauseAfter, troubleOf } from "./trouble.js";

export class Feeder {
  /**
   * @param {object} parts
   * @param {import("./queue.js").ImageQueue} parts.queue
   * @param {import("./saver.js").Saver} parts.saver
   * @param {() => boolean} parts.isWanted false: nobody could answer what would come
   * @param {(what: string) => void} parts.onChange
   * @param {{set: Function, clear: Function, random: () => number}} parts.timers
   */
  constructor({ queue, saver, isWanted, onChange, timers }) {
    Object.assign(this, { queue, saver, isWanted, onChange, timers });
    /** @type {Error | null} why no more images came */
    this.error = null;
    this.failures = 0;
    this.retry = null;
  }

  get trouble() {
    return troubleOf(this.error);
  }

  /** Ask for more images when few are left; `now`: in any case. Failing, it tries again later. */
  async feed({ now = false } = {}) {
    if (!this.isWanted() || (!now && !this.queue.wantsMore)) return;
    this.timers.clear(this.retry);
    try {
      const asked = this.queue.refill({ waiting: this.saver.unsettled.length });
      this.onChange("feeding");
      await asked;
      if (this.error && this.saver.trouble) this.saver.wake(); // what brings images again takes answers too
      this.error = null;
      this.failures = 0;
    } catch (error) {
      this.error = error;
      this.failures += 1;
      const pause = pauseAfter(this.failures, error.retryAfter, this.timers.random());
      // In another person's session nothing is tried: somebody has to come back first, and then wakes us.
      if (this.trouble !== "another_person") this.retry = this.timers.set(() => void this.feed({ now: true }), pause);
    }
    this.onChange("fed");
  }
}
