// Objects from elsewhere, as the board can show them: a draft may come from another program. No page here.

import { bitmapOfShape, shapeOfBitmap } from "../../draw/shapebits.js";
import { boundsOf } from "../../draw/shapes.js";

const isNumbers = (list) => Array.isArray(list) && list.flat(3).length > 0 && list.flat(3).every(Number.isFinite);

/**
 * @param {object[]} objects @param {import("../types.js").Category[]} categories
 * @param {{width: number, height: number}} [image] only what lies within an image of this size
 */
export function usable(objects, categories, image) {
  return objects.flatMap(({ category, box, polygon, mask, ...more }) => {
    const shape = [box && { box }, polygon && { polygon }, mask && { mask }].find(Boolean);
    const isWhole = shape?.mask ? isNumbers(mask.size) && typeof mask.counts === "string" : shape && isNumbers(box ?? polygon);
    const id = categories.find((one) => one.id === category || one.name === category)?.id ?? category;
    if (!isWhole || typeof id !== "number") return [];
    const object = { ...more, ...(mask ? tight(mask) : shape), category: id };
    if (mask && !object.mask) return [];
    return image && !isWithin(shape, image) ? [] : [object];
  });
}

/** Models and other programs send masks as large as the image: what is chosen should be as large as it looks. */
function tight(mask) {
  return shapeOfBitmap(bitmapOfShape({ mask: { ...mask, offset: mask.offset ?? [0, 0] } }), "mask") ?? {};
}

function isWithin(shape, { width, height }) {
  const bounds = boundsOf(shape.mask ? { mask: { ...shape.mask, offset: shape.mask.offset ?? [0, 0] } } : shape);
  return bounds.x >= 0 && bounds.y >= 0 && bounds.x + bounds.width <= width && bounds.y + bounds.height <= height;
}
