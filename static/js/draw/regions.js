// Which pixels hang together: parts, holes, the region around a point. Pure. Set pixels hang together by their sides
// (four neighbours), so what an outline goes around is one piece; what is not set likewise.

import { at, blank, cropped, inverted, onFrame } from "./bitmap.js";

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
    while (depth) {
      depth -= 1;
      const i = stack[depth];
      size += 1;
      const x = i % width;
      if (x > 0 && bits[i - 1] && !labels[i - 1]) labels[(stack[depth++] = i - 1)] = label;
      if (x < width - 1 && bits[i + 1] && !labels[i + 1]) labels[(stack[depth++] = i + 1)] = label;
      if (i >= width && bits[i - width] && !labels[i - width]) labels[(stack[depth++] = i - width)] = label;
      if (i < width * (height - 1) && bits[i + width] && !labels[i + width]) labels[(stack[depth++] = i + width)] = label;
    }
    sizes.push(size);
  }
  return { labels, sizes };
}

/** The regions whose number is marked. @param {Uint8Array} marks by number */
function marked(frame, labels, marks) {
  const out = blank(frame);
  for (let i = 0; i < labels.length; i += 1) out.bits[i] = marks[labels[i]];
  return out;
}

/** @param {Bitmap} bitmap @returns {Bitmap[]} its parts, each cropped, the largest first */
export function components(bitmap) {
  const { labels, sizes } = labelled(bitmap);
  const { x, y, width } = bitmap;
  const boxes = sizes.map(() => [Infinity, Infinity, -1, -1]);
  for (let i = 0; i < labels.length; i += 1) {
    const box = boxes[labels[i]];
    const [column, row] = [i % width, Math.floor(i / width)];
    if (column < box[0]) box[0] = column;
    if (row < box[1]) box[1] = row;
    if (column > box[2]) box[2] = column;
    if (row > box[3]) box[3] = row;
  }
  const order = [...sizes.keys()].slice(1).sort((a, b) => sizes[b] - sizes[a] || a - b);
  return order.map((label) => {
    const [left, top, right, bottom] = boxes[label];
    const out = blank({ x: x + left, y: y + top, width: right - left + 1, height: bottom - top + 1 });
    for (let row = top, i = 0; row <= bottom; row += 1) {
      for (let at = row * width + left, end = row * width + right; at <= end; at += 1, i += 1) out.bits[i] = labels[at] === label ? 1 : 0;
    }
    return out;
  });
}

/** @param {Bitmap} bitmap @returns {Bitmap | null} its largest part */
export function largestPart(bitmap) {
  const { labels, sizes } = labelled(bitmap);
  if (sizes.length < 2) return null;
  const marks = new Uint8Array(sizes.length);
  let best = 1;
  for (let label = 2; label < sizes.length; label += 1) if (sizes[label] > sizes[best]) best = label;
  marks[best] = 1;
  return cropped(marked(bitmap, labels, marks));
}

/** @param {Bitmap} bitmap @param {number} [largest] holes of more pixels stay @returns {Bitmap} its holes, set */
export function holes(bitmap, largest = Infinity) {
  // One pixel around, so that everything outside is one region: the one of the corner.
  const frame = { x: bitmap.x - 1, y: bitmap.y - 1, width: bitmap.width + 2, height: bitmap.height + 2 };
  const { labels, sizes } = labelled(inverted(onFrame(bitmap, frame)));
  const marks = Uint8Array.from(sizes, (size, label) => (label > 1 && size <= largest ? 1 : 0));
  return onFrame(marked(frame, labels, marks), bitmap);
}

/** @param {Bitmap} bitmap @param {number} [largest] @returns {Bitmap} without holes of at most so many pixels */
export function withoutHoles(bitmap, largest = Infinity) {
  const out = holes(bitmap, largest);
  for (let i = 0; i < out.bits.length; i += 1) out.bits[i] |= bitmap.bits[i];
  return out;
}

/** @param {Bitmap} bitmap @param {number} smallest @returns {Bitmap} without parts of fewer pixels */
export function withoutCrumbs(bitmap, smallest) {
  const { labels, sizes } = labelled(bitmap);
  return marked(bitmap, labels, Uint8Array.from(sizes, (size, label) => (label && size >= smallest ? 1 : 0)));
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
