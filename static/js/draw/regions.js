// Which pixels hang together: parts, holes, the region around a point. Pure. Set pixels hang together by their sides
// (four neighbours), so what an outline goes around is one piece; what is not set likewise.

import { area, at, blank, cropped, inverted, onFrame } from "./bitmap.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */

/**
 * Number the regions of pixels that hang together and are set.
 * @param {Bitmap} bitmap
 * @returns {{labels: Int32Array, sizes: number[]}} labels: 0 where nothing is set, else 1, 2, …; sizes[n]: pixels of n
 */
export function labelled({ width, height, bits }) {
  const labels = new Int32Array(bits.length);
  const sizes = [0];
  const stack = new Int32Array(bits.length);
  for (let seed = bits.indexOf(1); seed >= 0; seed = bits.indexOf(1, seed + 1)) {
    if (labels[seed]) continue;
    const label = sizes.length;
    let [depth, size] = [1, 0];
    stack[0] = seed;
    labels[seed] = label;
    const visit = (i) => {
      if (!bits[i] || labels[i]) return;
      labels[i] = label;
      stack[depth] = i;
      depth += 1;
    };
    while (depth) {
      depth -= 1;
      const i = stack[depth];
      size += 1;
      const x = i % width;
      if (x > 0) visit(i - 1);
      if (x < width - 1) visit(i + 1);
      if (i >= width) visit(i - width);
      if (i < width * (height - 1)) visit(i + width);
    }
    sizes.push(size);
  }
  return { labels, sizes };
}

/** @param {Bitmap} bitmap @returns {Bitmap[]} its parts, each cropped, the largest first */
export function components(bitmap) {
  const { labels, sizes } = labelled(bitmap);
  const order = [...sizes.keys()].slice(1).sort((a, b) => sizes[b] - sizes[a] || a - b);
  return order.map((label) => cropped({ ...bitmap, bits: Uint8Array.from(labels, (at) => (at === label ? 1 : 0)) }));
}

/** @param {Bitmap} bitmap @returns {Bitmap | null} its largest part */
export function largestPart(bitmap) {
  const { labels, sizes } = labelled(bitmap);
  if (sizes.length < 2) return null;
  const label = sizes.indexOf(Math.max(...sizes.slice(1)));
  return cropped({ ...bitmap, bits: Uint8Array.from(labels, (at) => (at === label ? 1 : 0)) });
}

/** @param {Bitmap} bitmap @param {number} [largest] holes of more pixels stay @returns {Bitmap} its holes, set */
export function holes(bitmap, largest = Infinity) {
  // One pixel around, so that everything outside is one region: the one of the corner.
  const frame = { x: bitmap.x - 1, y: bitmap.y - 1, width: bitmap.width + 2, height: bitmap.height + 2 };
  const { labels, sizes } = labelled(inverted(onFrame(bitmap, frame)));
  const bits = Uint8Array.from(labels, (label) => (label > 1 && sizes[label] <= largest ? 1 : 0));
  return onFrame({ ...frame, bits }, bitmap);
}

/** @param {Bitmap} bitmap @param {number} [largest] @returns {Bitmap} without holes of at most so many pixels */
export function withoutHoles(bitmap, largest = Infinity) {
  const found = holes(bitmap, largest);
  return { ...bitmap, bits: bitmap.bits.map((bit, i) => bit | found.bits[i]) };
}

/** @param {Bitmap} bitmap @param {number} smallest @returns {Bitmap} without parts of fewer pixels */
export function withoutCrumbs(bitmap, smallest) {
  const { labels, sizes } = labelled(bitmap);
  return { ...bitmap, bits: Uint8Array.from(labels, (label) => (label && sizes[label] >= smallest ? 1 : 0)) };
}

/**
 * The region of equal pixels around a point, seen in a frame: what a bucket of paint would fill.
 * @param {Bitmap} bitmap @param {import("./bitmap.js").Frame} frame @param {number} x @param {number} y
 * @returns {{region: Bitmap, closed: boolean} | null} closed: does not touch the border of the frame; null outside it
 */
export function regionAround(bitmap, frame, x, y) {
  const whole = onFrame(bitmap, frame);
  const alike = at(whole, x, y) ? whole : inverted(whole);
  const { labels } = labelled(alike);
  const [column, row] = [Math.floor(x) - frame.x, Math.floor(y) - frame.y];
  if (column < 0 || row < 0 || column >= frame.width || row >= frame.height) return null;
  const label = labels[row * frame.width + column];
  const region = blank(frame);
  for (let i = 0; i < labels.length; i += 1) if (labels[i] === label) region.bits[i] = 1;
  const box = cropped(region);
  const closed =
    box.x > frame.x &&
    box.y > frame.y &&
    box.x + box.width < frame.x + frame.width &&
    box.y + box.height < frame.y + frame.height;
  return { region: box, closed };
}

/** @param {Bitmap | null} bitmap @returns {boolean} */
export const isEmpty = (bitmap) => !bitmap || area(bitmap) === 0;
