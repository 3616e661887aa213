// The decoded pixels of masks, kept as long as the mask is. No page here.

import { decode } from "./rle.js";

/** @type {WeakMap<object, {x: number, y: number, width: number, height: number, bits: Uint8Array}>} */
const kept = new WeakMap();

/** @param {import("./types.js").MaskShape["mask"]} mask @returns its crop, row by row: 1 where it is */
export function bitmapOf(mask) {
  let bitmap = kept.get(mask);
  if (!bitmap) kept.set(mask, (bitmap = decode(mask)));
  return bitmap;
}

/** The pixels of a mask that was just made of them. @param {import("./types.js").MaskShape["mask"]} mask @param {import("./rle.js").Bitmap} bitmap its crop */
export function keepBitmap(mask, bitmap) {
  kept.set(mask, bitmap);
}

/** A mask that only a step back still knows: its code is short, its pixels are not. */
export function forgetBitmap(mask) {
  kept.delete(mask);
}

/** @param {import("./types.js").MaskShape["mask"]} mask */
export function maskContains(mask, x, y) {
  const bitmap = bitmapOf(mask);
  const [column, row] = [Math.floor(x) - bitmap.x, Math.floor(y) - bitmap.y];
  const isInside = column >= 0 && row >= 0 && column < bitmap.width && row < bitmap.height;
  return isInside && bitmap.bits[row * bitmap.width + column] === 1;
}
