// Superpixels by number: their pixels, and the lines between them. Pure.

import { blank } from "../bitmap.js";

/** @typedef {import("./slic.js").Superpixels} Superpixels */

/**
 * Where the pixels of each superpixel are: those of n are `order[starts[n]]` to `order[starts[n + 1] - 1]`.
 * @param {Superpixels} superpixels @returns {{starts: Int32Array, order: Int32Array}}
 */
export function members({ labels, count }) {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < labels.length; i += 1) starts[labels[i] + 1] += 1;
  for (let n = 0; n < count; n += 1) starts[n + 1] += starts[n];
  const next = starts.slice();
  const order = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i += 1) order[next[labels[i]]++] = i;
  return { starts, order };
}

/**
 * @param {{width: number, starts: Int32Array, order: Int32Array}} superpixels with their members
 * @param {Iterable<number>} numbers at least one @returns {import("../rle.js").Bitmap} what they cover together
 */
export function covered({ width, starts, order }, numbers) {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  const each = (visit) => {
    for (const n of numbers) {
      for (let k = starts[n]; k < starts[n + 1]; k += 1) visit(order[k] % width, Math.floor(order[k] / width));
    }
  };
  each((x, y) => {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  const out = blank({ x: left, y: top, width: right - left + 1, height: bottom - top + 1 });
  each((x, y) => (out.bits[(y - top) * out.width + x - left] = 1));
  return out;
}

/** @param {Superpixels} superpixels @returns {import("../rle.js").Bitmap} pixels whose right or lower neighbour is in another one */
export function bordersOf({ width, height, labels }) {
  const out = blank({ x: 0, y: 0, width, height });
  for (let i = 0; i < labels.length - width; i += 1) {
    if (labels[i] !== labels[i + width] || labels[i] !== labels[i + 1]) out.bits[i] = 1;
  }
  return out;
}
