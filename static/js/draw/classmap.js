// One class for each pixel, or none: the working form of a semantic answer. Pure: knows no page, no scene.

import { around, blank, onFrame, shared } from "./bitmap.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */
/** @typedef {import("./bitmap.js").Frame} Frame */

const VOID = 0;

export class ClassMap {
  /** @param {number} width @param {number} height of the image */
  constructor(width, height) {
    this.frame = { x: 0, y: 0, width, height };
    /** A place of `categories` for each pixel, row by row; 0: no class */
    this.map = new Uint8Array(width * height);
    /** @type {(number | null)[]} ids of classes by place */
    this.categories = [null];
    /** @type {Frame[]} by place: nothing of the class is outside; may be too large */
    this.frames = [{ x: 0, y: 0, width: 0, height: 0 }];
  }

  /** @param {number | null} category @returns {number} its place, a new one where it has none yet */
  placeOf(category) {
    const known = this.categories.indexOf(category);
    if (known >= 0) return known;
    // A byte holds 255 classes; who has more pays two.
    if (this.categories.length === 256) this.map = Uint16Array.from(this.map);
    this.frames.push({ x: 0, y: 0, width: 0, height: 0 });
    return this.categories.push(category) - 1;
  }

  /** @param {number} x in pixels of the image @param {number} y @returns {number | null} the class there */
  at(x, y) {
    const { width, height } = this.frame;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= width || row >= height) return null;
    return this.categories[this.map[row * width + column]];
  }

  /**
   * Give pixels to a class; they are taken from whatever class had them.
   * @param {Bitmap} bitmap @param {number | null} category null: they get no class
   * @param {(category: number) => boolean} [isLocked] classes whose pixels stay
   * @returns {Set<number>} classes that have other pixels now
   */
  write(bitmap, category, isLocked = () => false) {
    const place = this.placeOf(category);
    const locked = this.categories.map((id) => id !== null && isLocked(id));
    const touched = new Uint8Array(this.categories.length);
    const common = shared(bitmap, this.frame);
    if (locked[place] || !common.width || !common.height) return new Set();
    const { map } = this;
    for (let y = common.y; y < common.y + common.height; y += 1) {
      let from = (y - bitmap.y) * bitmap.width + common.x - bitmap.x;
      let to = y * this.frame.width + common.x;
      for (const end = to + common.width; to < end; to += 1, from += 1) {
        if (!bitmap.bits[from] || map[to] === place || locked[map[to]]) continue;
        touched[map[to]] = touched[place] = 1;
        map[to] = place;
      }
    }
    if (touched[place]) this.frames[place] = this.frames[place].width ? around(this.frames[place], common) : common;
    return new Set(this.categories.filter((id, i) => id !== null && touched[i]));
  }

  /** Take all pixels of a class from it. */
  clear(category) {
    const place = this.placeOf(category);
    const { x, y, width, height } = this.frames[place];
    for (let row = y; row < y + height; row += 1) {
      for (let i = row * this.frame.width + x, end = i + width; i < end; i += 1) if (this.map[i] === place) this.map[i] = VOID;
    }
    this.frames[place] = { x: 0, y: 0, width: 0, height: 0 };
  }

  /** @param {number | null} category @returns {Bitmap} where it is; null: where no class is */
  bitmap(category) {
    const place = this.placeOf(category);
    const frame = place === VOID ? this.frame : this.frames[place];
    const out = blank(frame);
    for (let y = 0, i = 0; y < frame.height; y += 1) {
      let from = (frame.y + y) * this.frame.width + frame.x;
      for (const end = from + frame.width; from < end; from += 1, i += 1) if (this.map[from] === place) out.bits[i] = 1;
    }
    return out;
  }

  /** @returns {Bitmap} the part of a bitmap that no class has */
  free(bitmap) {
    const out = onFrame(bitmap, shared(bitmap, this.frame));
    for (let y = 0, i = 0; y < out.height; y += 1) {
      for (let x = 0, at = (out.y + y) * this.frame.width + out.x; x < out.width; x += 1, at += 1, i += 1) {
        if (this.map[at] !== VOID) out.bits[i] = 0;
      }
    }
    return out;
  }
}
