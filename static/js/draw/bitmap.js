// Pixels of an image that are set or not: unite, take away, grow, measure. Pure: knows no page, no scene, no code.
// A bitmap covers only the part of the image where something is; all functions answer a new one.

import { extent } from "./rle.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */
/** @typedef {{x: number, y: number, width: number, height: number}} Frame whole pixels */

/** @param {Frame} frame @returns {Bitmap} with nothing set */
export const blank = ({ x, y, width, height }) => ({ x, y, width, height, bits: new Uint8Array(width * height) });

/** @param {Frame} frame @returns {Bitmap} with everything set */
export const filled = ({ x, y, width, height }) => ({ x, y, width, height, bits: new Uint8Array(width * height).fill(1) });

/** @param {Bitmap} bitmap @param {number} x in pixels of the image @param {number} y @returns {0 | 1} 0 outside, too */
export function at(bitmap, x, y) {
  const [column, row] = [Math.floor(x) - bitmap.x, Math.floor(y) - bitmap.y];
  const inside = column >= 0 && row >= 0 && column < bitmap.width && row < bitmap.height;
  return inside ? bitmap.bits[row * bitmap.width + column] : 0;
}

/** @param {Bitmap} bitmap @returns {number} pixels that are set */
export function area({ bits }) {
  let sum = 0;
  for (let i = 0; i < bits.length; i += 1) sum += bits[i];
  return sum;
}

/** @param {Bitmap} bitmap @returns {[number, number, number, number] | null} x, y, width, height of what is set */
export function bounds(bitmap) {
  const box = extent(bitmap);
  return box && [bitmap.x + box[0], bitmap.y + box[1], box[2] - box[0], box[3] - box[1]];
}

/** @param {Frame} a @param {Frame} b @returns {Frame} the smallest that holds both */
export function around(a, b) {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

/** @param {Frame} a @param {Frame} b @returns {Frame} what both cover; width or height 0 where nothing is */
export function shared(a, b) {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const width = Math.max(0, Math.min(a.x + a.width, b.x + b.width) - x);
  return { x, y, width, height: Math.max(0, Math.min(a.y + a.height, b.y + b.height) - y) };
}

/** The same pixels on another frame: cut off where it is smaller, empty where it is larger. */
export function onFrame(bitmap, frame) {
  const out = blank(frame);
  const common = shared(bitmap, frame);
  for (let y = common.y; y < common.y + common.height; y += 1) {
    const from = (y - bitmap.y) * bitmap.width + common.x - bitmap.x;
    out.bits.set(bitmap.bits.subarray(from, from + common.width), (y - frame.y) * frame.width + common.x - frame.x);
  }
  return out;
}

/** @param {Bitmap} bitmap @returns {Bitmap | null} cropped to what is set; null where nothing is */
export function cropped(bitmap) {
  const box = bounds(bitmap);
  return box && onFrame(bitmap, { x: box[0], y: box[1], width: box[2], height: box[3] });
}

/** Run over the pixels both cover, in `out` (on the frame of `a`) and `b`. */
function overlap(out, b, change) {
  const common = shared(out, b);
  for (let y = common.y; y < common.y + common.height; y += 1) {
    let i = (y - out.y) * out.width + common.x - out.x;
    let j = (y - b.y) * b.width + common.x - b.x;
    for (let n = 0; n < common.width; n += 1, i += 1, j += 1) change(out.bits, i, b.bits[j]);
  }
  return out;
}

/** @param {Bitmap} a @param {Bitmap} b @returns {Bitmap} what is set in either */
export const union = (a, b) => overlap(onFrame(a, around(a, b)), b, (bits, i, bit) => (bits[i] |= bit));

/** @param {Bitmap} a @param {Bitmap} b @returns {Bitmap} what is set in a and not in b, on the frame of a */
export const subtract = (a, b) => overlap(onFrame(a, a), b, (bits, i, bit) => (bits[i] &= 1 - bit));

/** @param {Bitmap} a @param {Bitmap} b @returns {Bitmap} what is set in both, on the frame both cover */
export const intersect = (a, b) => overlap(onFrame(a, shared(a, b)), b, (bits, i, bit) => (bits[i] &= bit));

/** @param {Bitmap} bitmap @returns {Bitmap} set and not set exchanged, on the same frame */
export const inverted = (bitmap) => ({ ...bitmap, bits: bitmap.bits.map((bit) => 1 - bit) });

/**
 * Widen by a disc of `radius` pixels (below zero: make thinner by it).
 * @param {Bitmap} bitmap @param {number} radius @returns {Bitmap} its frame is as much wider, or the same
 */
export function grow(bitmap, radius) {
  const r = Math.floor(Math.abs(radius));
  const margin = { x: bitmap.x - r, y: bitmap.y - r, width: bitmap.width + 2 * r, height: bitmap.height + 2 * r };
  if (radius < 0) return onFrame(inverted(grow(inverted(onFrame(bitmap, margin)), r)), bitmap);
  const out = blank(margin);
  for (let dy = -r; dy <= r; dy += 1) {
    const half = Math.floor(Math.sqrt(r * r - dy * dy));
    for (let y = 0; y < bitmap.height; y += 1) widenRow(bitmap, y, out, y + r + dy, half, r);
  }
  return out;
}

/** Set in a row of `out` what lies at most `half` beside a set pixel of a row of `bitmap`, `shift` further right. */
function widenRow(bitmap, row, out, into, half, shift) {
  const { width, bits } = bitmap;
  const start = into * out.width + shift;
  let from = -1;
  for (let x = 0; x <= width; x += 1) {
    const set = x < width && bits[row * width + x] === 1;
    if (set && from < 0) from = x;
    if (!set && from >= 0) {
      out.bits.fill(1, start + from - half, start + x + half);
      from = -1;
    }
  }
}
