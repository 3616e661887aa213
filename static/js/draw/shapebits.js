// Shapes as pixels and pixels as shapes. Pure.

import { area, cropped, filled } from "./bitmap.js";
import { bitmapOf, keepBitmap } from "./bitmaps.js";
import { rasterised } from "./outline.js";
import { polygonOf } from "./polygonise.js";
import { components } from "./regions.js";
import { encode } from "./rle.js";
import { ringsOf } from "./shapes.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */
/** @typedef {import("./types.js").Shape} Shape */

/** Parts of a polygon of fewer pixels are crumbs of a tool. */
const SMALLEST_PART = 8;

/** @param {Shape} shape @returns {Bitmap} not to be changed: masks are kept decoded */
export function bitmapOfShape({ box, polygon, mask }) {
  if (mask) return bitmapOf(mask);
  if (polygon) return rasterised(ringsOf(polygon));
  const [x, y, width, height] = box;
  const [left, top] = [Math.round(x), Math.round(y)];
  return filled({ x: left, y: top, width: Math.round(x + width) - left, height: Math.round(y + height) - top });
}

/**
 * @param {Bitmap} bitmap @param {"mask" | "polygon"} kind
 * @param {number} [tolerance] of a polygon: how far, in pixels, it may leave the border of the pixels
 * @returns {Shape | null} null where nothing is left
 */
export function shapeOfBitmap(bitmap, kind, tolerance = 0.75) {
  if (kind === "mask") {
    const tight = cropped(bitmap);
    if (!tight) return null;
    const mask = encode(tight);
    keepBitmap(mask, tight); // it is drawn next
    return { mask };
  }
  const parts = components(bitmap);
  const kept = parts.filter((part, i) => i === 0 || area(part) >= SMALLEST_PART).map((part) => polygonOf(part, tolerance));
  if (!kept.length) return null;
  return { polygon: kept.length === 1 ? kept[0] : kept };
}
