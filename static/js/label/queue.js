// The images held for this person: the one on screen and those ahead. No page here; fetching and decoding are given.

const SHOWN_SOON = 5; // decoded ahead
const FIRST = 6; // the first call is small: the first image should come quickly
const FULL = 10; // later calls bring about five at once: one claim call for five labels
const QUIET_MS = 10_000; // near the end, do not ask again after every single answer
const LIMIT = 50; // of the API, per call

export class ImageQueue {
  /**
   * @param {(count: number) => Promise<{claims: import("./types.js").Claim[], remaining: number}>} fetchClaims
   * @param {(claim: import("./types.js").Claim) => void} prepare fetch and decode; called again for the same image
   * @param {() => number} now milliseconds
   * @param {(imageId: number) => boolean} isAnsweredElsewhere in another tab that has not sent it yet
   * @param {import("./leases.js").Leases} [leases]
   */
  constructor({ fetchClaims, prepare, now = () => performance.now(), isAnsweredElsewhere = () => false, leases }) {
    Object.assign(this, { fetchClaims, prepare, now, isAnsweredElsewhere, leases });
    /** @type {import("./types.js").Claim | null} */
    this.current = null;
    /** @type {import("./types.js").Claim[]} */
    this.ahead = [];
    // Answered here: the server may not know it yet and offer them again, as open claims of our own.
    this.answered = new Set();
    this.remaining = null;
    this.loading = null;
    this.nothingNewAt = -Infinity;
  }

  get held() {
    return this.current ? [this.current, ...this.ahead] : [...this.ahead];
  }

  /** Ids of what waits unanswered: given back when the page goes away. */
  get unanswered() {
    return this.held.map(({ image }) => image.id).filter((id) => !this.answered.has(id));
  }

  /** The present image is answered; the next one takes its place. */
  advance() {
    if (this.current) this.answered.add(this.current.image.id);
    this.current = this.ahead.shift() ?? null;
    this.prepareSoon();
  }

  /** Bring an image back on screen (undo, change); the present one is next again. `open`: it needs an answer anew. */
  bringBack(claim, { open }) {
    const { id } = claim.image;
    if (this.current && this.current.image.id !== id) this.ahead.unshift(this.current);
    this.ahead = this.ahead.filter(({ image }) => image.id !== id);
    this.current = claim;
    if (open) this.answered.delete(id);
    this.prepareSoon();
  }

  /** Everything held was given back (the page slept): begin again. */
  restart() {
    this.current = null;
    this.ahead = [];
    this.nothingNewAt = -Infinity;
  }

  get wantsMore() {
    return this.ahead.length < SHOWN_SOON && (this.ahead.length === 0 || this.now() - this.nothingNewAt > QUIET_MS);
  }

  /**
   * Ask for more. Also renews the leases of what is held, because a client's own open claims come first.
   * One call at a time: a second caller waits for the first.
   * @param {{waiting?: number}} [options] answers the server has not seen: it counts their claims as open
   */
  refill({ waiting = 0 } = {}) {
    const wanted = this.held.length ? Math.max(FULL, this.held.length) : FIRST;
    this.loading ??= this.load(Math.min(LIMIT, wanted + waiting)).finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  async load(count) {
    const { claims, remaining } = await this.fetchClaims(count);
    this.dropLost(claims);
    const known = new Set(this.held.map(({ image }) => image.id));
    const fresh = claims.filter(({ image }) => !known.has(image.id) && !this.isAnswered(image.id));
    this.ahead.push(...fresh);
    this.remaining = remaining;
    if (!fresh.length) this.nothingNewAt = this.now();
    if (!this.current) this.current = this.ahead.shift() ?? null;
    this.prepareSoon();
  }

  isAnswered(id) {
    return this.answered.has(id) || this.isAnsweredElsewhere(id);
  }

  /** After a long sleep the leases have run out, and others may have what was ahead. What is on screen stays. */
  dropLost(claims) {
    if (this.leases?.haveRunOut) {
      const still = new Set(claims.map(({ image }) => image.id));
      this.ahead = this.ahead.filter(({ image }) => still.has(image.id));
    }
    this.leases?.renewed();
  }

  prepareSoon() {
    for (const claim of this.held.slice(0, SHOWN_SOON + 1)) this.prepare(claim);
  }
}
