// The tiles of a large image over its preview: fetched when they come into sight, dropped when others are needed.
// Knows one image; where it lies on the stage is told by label/viewer.js.

import { el } from "../dom.js";
import { levelFor, visible } from "./tiles.js";

const KEEP = 64; // decoded tiles, 1 MB each; more where the stage shows more
const AT_ONCE = 4; // requests: saving an answer must find a free connection
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000]; // before what was not there is asked for again
const REST_MS = 220; // a glide of the preview is over: tiles do not glide

export class TileLayer {
  /**
   * @param {string} address of its tiles/
   * @param {HTMLElement} frame with the preview, which the layer covers
   * @param {{squaresFrom: number, onDrawn: () => void}} options device pixels per image pixel from which pixels are squares
   */
  constructor(address, frame, { squaresFrom, onDrawn }) {
    Object.assign(this, { address, frame, squaresFrom, onDrawn });
    this.canvas = frame.appendChild(el("canvas", { class: "tiles", "aria-hidden": "true" }));
    /** @type {Map<string, {bitmap: ImageBitmap, tile: import("./tiles.js").Tile}>} the longest unused first */
    this.kept = new Map();
    /** @type {Map<string, AbortController>} */
    this.loading = new Map();
    this.wanted = [];
    this.failures = 0;
  }

  /** Another image is shown. */
  end() {
    this.isOver = true;
    clearTimeout(this.timer);
    for (const request of this.loading.values()) request.abort();
    for (const { bitmap } of this.kept.values()) bitmap.close();
    this.kept.clear();
    this.canvas.remove();
    this.frame.removeAttribute("data-sharp");
  }

  /**
   * The image was moved. @param {import("../label/zoom.js").Place} place @param {{width: number, height: number}} box
   * @param {{isClose: boolean, glide: boolean}} how isClose: the screen shows more than the preview has
   */
  put(place, box, { isClose, glide }) {
    Object.assign(this, { place, box, isClose });
    if (isClose) this.asked ??= this.ask();
    this.still = glide ? performance.now() + REST_MS : 0;
    this.want();
  }

  /** Which levels there are; again and again while a worker makes them. */
  async ask() {
    for (let attempt = 0; !this.isOver; attempt += 1) {
      const answer = await fetch(this.address).catch(() => null);
      if (answer?.status === 200) {
        this.info = await answer.json();
        return this.isOver || this.want();
      }
      if (answer && answer.status >= 400 && answer.status < 500) return; // the file is damaged: the preview serves
      await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]));
    }
  }

  want() {
    const level = this.info && this.isClose ? levelFor(this.info.levels, this.place.scale * devicePixelRatio) : null;
    this.wanted = level ? visible(level, this.info.tile, this.place, this.box) : [];
    const keys = new Set(this.wanted.map(({ key }) => key));
    for (const [key, request] of this.loading) if (!keys.has(key)) request.abort();
    this.fetch();
    this.redraw();
  }

  fetch() {
    for (const tile of this.wanted) {
      if (this.loading.size >= AT_ONCE || this.timer) return;
      if (!this.kept.has(tile.key) && !this.loading.has(tile.key)) void this.load(tile);
    }
  }

  async load(tile) {
    const request = new AbortController();
    this.loading.set(tile.key, request);
    try {
      const answer = await fetch(`${this.address}${tile.key}/`, { signal: request.signal });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      const bitmap = await createImageBitmap(await answer.blob());
      if (this.isOver) return bitmap.close();
      this.kept.set(tile.key, { bitmap, tile });
      this.failures = 0;
    } catch {
      // Lost network, or a busy server: the preview goes on serving. What left the stage is asked for when it is back.
      if (!request.signal.aborted) this.wait();
    } finally {
      this.loading.delete(tile.key);
      if (!this.isOver) {
        this.fetch();
        this.redraw();
      }
    }
  }

  wait() {
    const pause = PAUSES_MS[Math.min(this.failures, PAUSES_MS.length - 1)];
    this.failures += 1;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.fetch();
    }, pause);
  }

  // ---- drawing

  /** Draw with the next frame, once. */
  redraw() {
    this.frameAsked ??= requestAnimationFrame((now) => {
      this.frameAsked = null;
      if (!this.isOver) this.draw(now);
    });
  }

  draw(now) {
    const { canvas, box, place } = this;
    const d = devicePixelRatio;
    const [width, height] = [Math.round(box.width * d), Math.round(box.height * d)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (now < this.still) return this.redraw();
    context.setTransform(d * place.scale, 0, 0, d * place.scale, d * place.x, d * place.y);
    context.imageSmoothingEnabled = place.scale * d < this.squaresFrom;
    if (this.isClose) this.paint(context);
    const isSharp = this.wanted.length > 0 && this.wanted.every(({ key }) => this.kept.has(key));
    this.frame.toggleAttribute("data-sharp", isSharp);
    this.forget();
    this.onDrawn();
  }

  /** What is here, the finer over the coarser; one unit of the context is one pixel of the image. */
  paint(context) {
    const { a, e, f } = context.getTransform();
    context.setTransform(1, 0, 0, 1, 0, 0);
    const tiles = [...this.kept.values()].sort((one, other) => other.tile.level - one.tile.level);
    for (const { bitmap, tile } of tiles) {
      // On whole pixels of the screen: where an edge covers half of one, the preview shows as a line between two tiles.
      const [left, right] = [tile.x, tile.x + tile.width].map((x) => Math.round(a * x + e));
      const [top, bottom] = [tile.y, tile.y + tile.height].map((y) => Math.round(a * y + f));
      context.drawImage(bitmap, left, top, right - left, bottom - top);
    }
  }

  /** Those that have been out of sight for longest. */
  forget() {
    for (const { key } of this.wanted) {
      const known = this.kept.get(key);
      if (known && this.kept.delete(key)) this.kept.set(key, known);
    }
    const most = Math.max(KEEP, this.wanted.length);
    for (const [key, { bitmap }] of this.kept) {
      if (this.kept.size <= most) return;
      this.kept.delete(key);
      bitmap.close();
    }
  }
}
