// The colour wand: what hangs together with a point and differs little from its colour. Pure.
// Each pixel gets the smallest tolerance at which the wand reaches it (the largest difference on the best way there).
// So a larger tolerance only goes on where the last one stopped, and a smaller one only looks: dragging is cheap.

import { blank } from "../bitmap.js";

/** @typedef {{width: number, height: number, data: Uint8ClampedArray}} Pixels as ImageData: four bytes a pixel */

const NEVER = 255;

/**
 * Begin at a point.
 * @param {Pixels} pixels @param {number} x @param {number} y inside the picture
 */
export function wand(pixels, x, y) {
  const { width, height, data } = pixels;
  const [seedX, seedY] = [Math.floor(x), Math.floor(y)];
  const colour = meanColour(pixels, seedX, seedY);
  const level = new Uint8Array(width * height).fill(NEVER);
  const offered = new Uint8Array(width * height).fill(NEVER); // the best way that is known already
  const waiting = Array.from({ length: NEVER }, () => /** @type {number[]} */ ([]));
  let reached = -1; // tolerances up to this one are worked out
  const box = { left: seedX, top: seedY, right: seedX, bottom: seedY };
  waiting[0].push(seedY * width + seedX);

  const offer = (i, least) => {
    // No way is shorter than that: it is done, or waits for as little.
    if (offered[i] <= least) return;
    const needed = Math.max(least, difference(data, i, colour));
    if (needed >= offered[i]) return;
    offered[i] = needed;
    waiting[needed].push(i);
  };

  function work(tolerance) {
    for (; reached < tolerance; reached += 1) {
      const queue = waiting[reached + 1];
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
        if (level[i] !== NEVER) continue;
        level[i] = reached + 1;
        const [column, row] = [i % width, Math.floor(i / width)];
        if (column < box.left) box.left = column;
        if (column > box.right) box.right = column;
        if (row < box.top) box.top = row;
        if (row > box.bottom) box.bottom = row;
        if (column > 0) offer(i - 1, reached + 1);
        if (column < width - 1) offer(i + 1, reached + 1);
        if (row > 0) offer(i - width, reached + 1);
        if (row < height - 1) offer(i + width, reached + 1);
      }
    }
  }

  return {
    /**
     * @param {number} tolerance 0 (this colour only) to 254
     * @param {number} [every] for a preview: one pixel of so many in each direction
     * @returns {import("../rle.js").Bitmap}
     */
    at(tolerance, every = 1) {
      const limit = Math.max(0, Math.min(NEVER - 1, Math.round(tolerance)));
      work(limit);
      const { left, top, right, bottom } = box;
      const size = { width: Math.ceil((right - left + 1) / every), height: Math.ceil((bottom - top + 1) / every) };
      const out = blank({ x: left, y: top, ...size });
      for (let row = top, i = 0; row <= bottom; row += every) {
        for (let at = row * width + left, end = row * width + right; at <= end; at += every, i += 1) {
          out.bits[i] = level[at] <= limit ? 1 : 0;
        }
      }
      return out;
    },
  };
}

/** The mean of three by three pixels: one noisy pixel under the pointer is not what was meant. */
function meanColour({ width, height, data }, x, y) {
  const sum = [0, 0, 0];
  let n = 0;
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row += 1) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column += 1) {
      const i = 4 * (row * width + column);
      for (let c = 0; c < 3; c += 1) sum[c] += data[i + c];
      n += 1;
    }
  }
  return sum.map((value) => value / n);
}

/**
 * How different two colours look, 0 to 255: the "redmean" weights of Riemersma, near to what eyes say and far cheaper
 * than going through Lab for each pixel.
 */
function difference(data, i, [red, green, blue]) {
  const half = (data[4 * i] + red) / 512;
  const [r, g, b] = [data[4 * i] - red, data[4 * i + 1] - green, data[4 * i + 2] - blue];
  return Math.min(255, Math.round(Math.sqrt(((2 + half) * r * r + 4 * g * g + (3 - half) * b * b) / 9)));
}
