// A stroke of a round brush as pixels. Pure.

import { blank, shared } from "../bitmap.js";

/** @typedef {{x: number, y: number, radius: number}} Dab */

/** @param {Dab[]} dabs @returns {import("../bitmap.js").Frame} what the stroke may touch */
export function frameOfStroke(dabs) {
  const [left, top] = [Math.min(...dabs.map((d) => d.x - d.radius)), Math.min(...dabs.map((d) => d.y - d.radius))];
  const [right, bottom] = [Math.max(...dabs.map((d) => d.x + d.radius)), Math.max(...dabs.map((d) => d.y + d.radius))];
  const [x, y] = [Math.floor(left), Math.floor(top)];
  return { x, y, width: Math.ceil(right) - x, height: Math.ceil(bottom) - y };
}

/**
 * All pixels whose middle lies within the brush on its way, and the one under each point: a brush smaller than a pixel
 * paints, too.
 * @param {Dab[]} dabs at least one, in order; between two the radius changes evenly
 * @param {import("../bitmap.js").Frame} image nothing is set beyond it
 * @returns {import("../rle.js").Bitmap}
 */
export function strokeBitmap(dabs, image) {
  const out = blank(shared(frameOfStroke(dabs), image));
  dabs.forEach((dab, i) => between(out, dabs[Math.max(0, i - 1)], dab));
  return out;
}

function between(out, a, b) {
  const frame = shared(out, frameOfStroke([a, b]));
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const square = dx * dx + dy * dy;
  for (let y = frame.y; y < frame.y + frame.height; y += 1) {
    const i = (y - out.y) * out.width - out.x;
    for (let x = frame.x; x < frame.x + frame.width; x += 1) {
      const [px, py] = [x + 0.5 - a.x, y + 0.5 - a.y];
      const share = square ? Math.max(0, Math.min(1, (px * dx + py * dy) / square)) : 0;
      const radius = a.radius + share * (b.radius - a.radius);
      const [ox, oy] = [px - share * dx, py - share * dy];
      if (ox * ox + oy * oy <= radius * radius) out.bits[i + x] = 1;
    }
  }
  const [x, y] = [Math.floor(b.x) - out.x, Math.floor(b.y) - out.y];
  if (x >= 0 && y >= 0 && x < out.width && y < out.height) out.bits[y * out.width + x] = 1;
}
