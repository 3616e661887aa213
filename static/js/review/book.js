// Page after page: the one on screen, the next, the last. Answers go to the server from here, and stay until it said yes.
// No page of the browser here: asking, preparing and waiting are given.

import { pauseAfter, troubleOf } from "../label/trouble.js";
import { Sheet } from "./sheet.js";

const REMEMBERED = 20; // pages that can be taken back
const HALF_A_DIGIT = 0.0005; // the server rounds to three decimals

export class Book {
  /**
   * @param {object} parts
   * @param {{open: (page: string, from: number) => Promise<{items: import("./types.js").Tile[], calibrated: boolean}>,
   *   answer: (body: object, key: string) => Promise<{results: object[]}>, keep: (page: string) => Promise<void>}} parts.server
   * @param {(tile: import("./types.js").Tile) => void} parts.prepare fetch and decode
   * @param {(tile: import("./types.js").Tile) => boolean} parts.isReady
   * @param {{multi: boolean, labelSet: number}} parts.project
   * @param {import("../label/stopwatch.js").Stopwatch} parts.stopwatch
   * @param {() => string} parts.newUuid
   * @param {(what: string) => void} parts.onChange
   * @param {{set: Function, clear: Function, random: () => number}} parts.timers
   */
  constructor(parts) {
    Object.assign(this, parts);
    /** @type {import("./types.js").Page | null} */
    this.current = null;
    /** @type {import("./types.js").Page[]} */
    this.ahead = [];
    /** What was answered, the last one last: each can be taken back. @type {{page: import("./types.js").Page, seconds: number}[]} */
    this.past = [];
    /** @type {import("./types.js").Sending | null} */
    this.sending = null;
    /** What the server would not have, until the person has read it. @type {{image?: object, message: string}[]} */
    this.refused = [];
    this.painted = false;
    this.isFinished = false;
    this.done = 0; // images answered since the screen was opened
    this.from = 1; // the confidence at which the next page begins
    this.feedTrouble = null;
    this.feeding = null;
    this.feedFailures = 0;
    this.retry = null;
    this.pause = null;
  }

  get last() {
    return this.past.at(-1) ?? null;
  }

  get sheet() {
    return this.current?.sheet ?? null;
  }

  /** Somebody else is logged in in this browser: nothing of theirs may be taken, and nothing be written in their name. */
  get isSomebodyElses() {
    return [this.sending?.error, this.feedTrouble].some((error) => error && troubleOf(error) === "another_person");
  }

  /** Names of the pages that are held: kept while somebody is here, given back on leaving. */
  get held() {
    return [this.current, ...this.ahead].filter(Boolean).map(({ id }) => id);
  }

  /** Something would be lost if the window were closed now. */
  get atRisk() {
    return this.sending !== null || Boolean(this.sheet?.isTouched);
  }

  // ---------------------------------------------------------------- pages come

  /** Have a page on screen and one ahead. One request at a time; failing, it tries again later under the same name. */
  feed() {
    this.timers.clear(this.retry);
    this.feeding ??= this.fetchPages().finally(() => {
      this.feeding = null;
    });
    return this.feeding;
  }

  async fetchPages() {
    while (!this.current || !this.ahead.length) {
      this.wanted ??= this.newUuid();
      this.onChange("feeding");
      try {
        const { items: tiles, calibrated } = await this.server.open(this.wanted, this.from);
        this.feedTrouble = null;
        this.feedFailures = 0;
        if (!this.place({ id: this.wanted, tiles, calibrated })) break;
      } catch (error) {
        this.feedTrouble = error;
        this.feedFailures += 1;
        this.onChange("fed");
        if (!troubleOf(error) || this.isSomebodyElses) return;
        const pause = pauseAfter(this.feedFailures, error.retryAfter, this.timers.random());
        this.retry = this.timers.set(() => void this.feed(), pause);
        return;
      }
    }
    this.onChange("fed");
  }

  /** @returns {boolean} whether there was anything on the page */
  place({ id, tiles, calibrated }) {
    this.wanted = null;
    this.isFinished = !tiles.length && !this.current;
    if (!tiles.length) return false;
    tiles.forEach((tile) => this.prepare(tile));
    this.from = Math.min(1, (tiles.at(-1).probability ?? 1) + HALF_A_DIGIT);
    const page = { id, tiles, calibrated, sheet: new Sheet(tiles, this.project) };
    if (this.current) this.ahead.push(page);
    else this.show(page);
    return true;
  }

  show(page) {
    this.current = page;
    this.painted = false;
    this.stopwatch.reset();
  }

  /** All images that are to be confirmed stand on the screen: from now on keys count. */
  markPainted() {
    this.painted = true;
    this.stopwatch.start();
  }

  /** How many images still keep the page from being confirmed: nobody confirms what they have not seen. */
  get missing() {
    if (!this.current) return 0;
    return this.current.tiles.filter((tile, place) => !this.isReady(tile) && this.sheet.categoriesAt(place) !== null).length;
  }

  get mayConfirm() {
    return Boolean(this.current && this.painted && !this.sending && !this.missing);
  }

  /** Nothing held before is ours any more (the page slept): begin again. */
  restart() {
    Object.assign(this, { current: null, ahead: [], past: [], wanted: null, from: 1, isFinished: false, painted: false });
    return this.feed();
  }

  /** Renew the leases of what is held, quietly: a failure shows when something is saved. */
  keep() {
    return Promise.allSettled(this.held.map((id) => this.server.keep(id)));
  }

  // ---------------------------------------------------------------- answers go

  confirm() {
    if (!this.mayConfirm) return false;
    const { current: page } = this;
    const body = { items: page.sheet.items(), seconds: this.stopwatch.read(), label_set: this.project.labelSet };
    this.send({ kind: "answer", page, body });
    return true;
  }

  /** Take the last page back and show it again as it was answered. */
  undoPage() {
    if (!this.last || this.sending) return false;
    const { page } = this.last;
    this.send({ kind: "undo", page, body: { items: page.tiles.map(({ image }) => ({ image: image.id, answer: "undo" })) } });
    return true;
  }

  /** The last change of this page, or else the last page. */
  undo() {
    if (this.sending) return false;
    return this.sheet?.undo() || this.undoPage();
  }

  send({ kind, page, body }) {
    this.sending = { kind, page, body, key: this.newUuid(), failures: 0, error: null };
    this.refused = [];
    this.onChange("sending");
    void this.attempt();
  }

  async attempt() {
    const { sending } = this;
    this.timers.clear(this.pause);
    this.pause = null;
    try {
      const { results } = await this.server.answer(sending.body, sending.key);
      this.sending = null;
      this.settle(sending, results);
    } catch (error) {
      if (troubleOf(error)) return this.postpone(sending, error);
      this.sending = null; // the page stays as it is, and may be confirmed again
      this.refused = [{ message: error.message }];
      this.onChange("refused");
    }
  }

  postpone(sending, error) {
    sending.failures += 1;
    sending.error = error;
    if (!this.isSomebodyElses) {
      this.pause = this.timers.set(() => void this.attempt(), pauseAfter(sending.failures, error.retryAfter, this.timers.random()));
    }
    this.onChange("postponed");
  }

  /** Try now: the network is back, or the person asks. */
  wake() {
    if (this.pause !== null) void this.attempt();
    if (this.feedTrouble) void this.feed();
  }

  settle({ kind, page, body }, results) {
    const byImage = new Map(page.tiles.map((tile) => [tile.image.id, tile.image]));
    this.refused = results.filter(({ error }) => error).map(({ image, error }) => ({ image: byImage.get(image), message: error.message }));
    if (kind === "undo") this.bringBack(page);
    else this.turn(page, body.seconds);
    this.onChange(kind === "undo" ? "undone" : "saved");
    void this.feed();
  }

  turn(page, seconds) {
    this.done += page.tiles.length;
    this.past = [...this.past, { page, seconds }].slice(-REMEMBERED);
    this.current = null;
    const next = this.ahead.shift();
    if (next) this.show(next);
  }

  bringBack(page) {
    this.done -= page.tiles.length;
    this.past.pop();
    this.isFinished = false;
    if (this.current) this.ahead.unshift(this.current);
    this.show(page);
  }
}
