// How long did the person look? From the image painted to the answer, without the time the tab was hidden.

/** Above this nobody was looking: lunch is not a hard image. */
const LONGEST_S = 300;

export class Stopwatch {
  /** @param {() => number} now milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.reset();
  }

  /** No image is on screen. */
  reset() {
    this.gathered = 0;
    this.since = null;
  }

  start() {
    this.gathered = 0;
    this.since = this.now();
  }

  pause() {
    if (this.since === null) return;
    this.gathered += this.now() - this.since;
    this.since = null;
  }

  resume() {
    this.since ??= this.now();
  }

  /** @returns {number} seconds, two decimals, at most LONGEST_S */
  read() {
    const running = this.since === null ? 0 : this.now() - this.since;
    return Math.min(LONGEST_S, Math.round((this.gathered + running) / 10) / 100);
  }
}
