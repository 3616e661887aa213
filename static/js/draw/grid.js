// Which objects are near a point: a grid of cells over the image. No page here.

import { boundsOf, meets } from "./shapes.js";

const CELLS = 64; // along the longer side
const MOST_CELLS = 256; // an object over more cells is looked at every time instead

export class Grid {
  /** @param {{width: number, height: number}} image */
  constructor(image) {
    this.size = Math.max(1, Math.max(image.width, image.height) / CELLS);
    /** @type {Map<number, Set<string>>} */
    this.cells = new Map();
    /** @type {Map<string, import("./types.js").DrawnObject>} */
    this.known = new Map();
    this.large = new Set();
  }

  /** Take over what an array of objects holds now. @returns {import("./types.js").Rect[]} where something changed */
  update(objects) {
    const changed = [];
    const keys = new Set(objects.map(({ key }) => key));
    for (const object of [...this.known.values()]) {
      if (keys.has(object.key)) continue;
      changed.push(boundsOf(object.shape));
      this.remove(object);
    }
    for (const object of objects) {
      const was = this.known.get(object.key);
      if (was === object) continue;
      if (was) {
        changed.push(boundsOf(was.shape));
        this.remove(was);
      }
      changed.push(boundsOf(object.shape));
      this.add(object);
    }
    return changed;
  }

  add(object) {
    this.known.set(object.key, object);
    const cells = this.cellsOf(boundsOf(object.shape));
    if (!cells) return void this.large.add(object.key);
    for (const cell of cells) {
      if (!this.cells.has(cell)) this.cells.set(cell, new Set());
      this.cells.get(cell).add(object.key);
    }
  }

  remove(object) {
    this.known.delete(object.key);
    if (this.large.delete(object.key)) return;
    for (const cell of this.cellsOf(boundsOf(object.shape))) this.cells.get(cell)?.delete(object.key);
  }

  /** @param {import("./types.js").Rect} rect @returns {number[] | null} null: too many */
  cellsOf({ x, y, width, height }) {
    const at = (value) => Math.max(0, Math.min(CELLS, Math.floor(value / this.size)));
    const [left, right, top, bottom] = [at(x), at(x + width), at(y), at(y + height)];
    if ((right - left + 1) * (bottom - top + 1) > MOST_CELLS) return null;
    const cells = [];
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) cells.push(row * (CELLS + 1) + column);
    }
    return cells;
  }

  /** @param {Iterable<string>} keys @returns {import("./types.js").Rect[]} of those that are known */
  boundsOf(keys) {
    return [...keys].filter((key) => this.known.has(key)).map((key) => boundsOf(this.known.get(key).shape));
  }

  /** Objects whose bounds meet this part of the image, in no order. @param {import("./types.js").Rect} rect */
  within(rect) {
    const cells = this.cellsOf(rect);
    const keys = cells ? new Set(this.large) : new Set(this.known.keys());
    for (const cell of cells ?? []) for (const key of this.cells.get(cell) ?? []) keys.add(key);
    return [...keys].map((key) => this.known.get(key)).filter(({ shape }) => meets(boundsOf(shape), rect));
  }

  /** The same around a point. @param {number} reach in image pixels */
  near(x, y, reach) {
    return this.within({ x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach });
  }
}
