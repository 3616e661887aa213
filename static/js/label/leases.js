// When are the leases of the held images due for renewal? By the clock on the wall: a laptop's own stops while it sleeps.
// No page here.

const OFTEN_ENOUGH = 3; // times per lease, so that one or two calls may fail
const LOOKS = 4; // between two renewals

export class Leases {
  /**
   * @param {number} seconds how long a lease lasts
   * @param {() => number} now milliseconds
   */
  constructor(seconds, now = Date.now) {
    this.lease = seconds * 1000;
    this.now = now;
    this.at = now();
  }

  /** Milliseconds between two looks at the clock. */
  get step() {
    return this.lease / OFTEN_ENOUGH / LOOKS;
  }

  /** All that is held was renewed just now: any call for images does that. */
  renewed() {
    this.at = this.now();
  }

  get haveRunOut() {
    return this.now() - this.at > this.lease;
  }

  get isDue() {
    return this.now() - this.at >= this.lease / OFTEN_ENOUGH;
  }
}
