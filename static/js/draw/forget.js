// Masks that only a step back still knows keep their code, which is short, and lose their decoded pixels and their
// canvas: five bytes a pixel, so 200 steps of a mask of three million pixels would hold 3 GB.

import { forgetBitmap } from "./bitmaps.js";
import { forgetTint } from "./paint.js";

/** @param {readonly import("./types.js").DrawnObject[]} [before] @param {readonly import("./types.js").DrawnObject[]} now */
export function forgetGone(before = [], now) {
  const present = new Set(now.map(({ shape }) => shape.mask));
  for (const { shape } of before) {
    if (!shape.mask || present.has(shape.mask)) continue;
    forgetBitmap(shape.mask);
    forgetTint(shape.mask);
  }
}
