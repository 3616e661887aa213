// From the server's objects to those of the board, and back. No page here.

/** @param {object} given as the server gives it, or with a shape @returns {import("./types.js").DrawnObject} key: "" where there is none */
export function objectFrom({ key = "", category, shape, box, polygon, mask, attributes = {}, from = null, hidden = false, locked = false, open = false }) {
  const id = typeof category === "object" && category !== null ? category.id : category;
  return { key, category: id, shape: shape ?? shapeFrom({ box, polygon, mask }), attributes, from, hidden, locked, open };
}

/** @returns {import("./types.js").Shape} */
function shapeFrom({ box, polygon, mask }) {
  if (box) return { box };
  if (polygon) return { polygon };
  if (mask) return { mask: { ...mask, offset: mask.offset ?? [0, 0] } };
  throw new Error("An object needs a box, a polygon or a mask.");
}

/** @param {import("./types.js").DrawnObject} object */
export function objectToSend({ category, shape, attributes, from }) {
  return { category, ...shape, attributes, ...(from !== null && { from }) };
}
