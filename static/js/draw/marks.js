// The class of an object for the eye: its marker where it is large enough, its name where it is chosen. A colour alone
// tells nothing to those who do not tell colours apart.

import { bitmapOf } from "./bitmaps.js";
import { boundsOf, ringsOf } from "./shapes.js";

const SIZE = 12; // CSS pixels, as the drawings of templates/shell/symbols.html are
const ROOM = 30; // CSS pixels that an object must be wide and high to have one
const BELOW = 0; // CSS pixels from the top of the object to the middle of its marker: half outside, where it hides least

// m1 … m12 of symbols.html; a number: drawn as a line of that width.
const DRAWINGS = [
  ["M11 6A5 5 0 1 1 1 6A5 5 0 1 1 11 6z"],
  ["M6 .5 11.5 6 6 11.5.5 6z"],
  ["M6 1 11.4 10.6H.6z"],
  ["M1.2 1.2h9.6v9.6H1.2z"],
  ["M10.1 6A4.1 4.1 0 1 1 1.9 6A4.1 4.1 0 1 1 10.1 6z", 2.2],
  ["M2 2l8 8M10 2l-8 8", 2.6],
  ["M6 1.8 10.2 6 6 10.2 1.8 6z", 2],
  ["M6 2.6 10 9.8H2z", 2],
  ["M2 2h8v8H2z", 2],
  ["M6 1.2v9.6M1.2 6h9.6", 2.6],
  ["M.6 1.4h10.8L6 11z"],
  ["M6 1a5 5 0 0 1 0 10z"],
];
/** @type {Map<number, Path2D>} */
const drawn = new Map();

/** @param {number} shape 1..12 */
function pathOfMark(shape) {
  if (!drawn.has(shape)) drawn.set(shape, new Path2D((DRAWINGS[shape - 1] ?? DRAWINGS[0])[0]));
  return drawn.get(shape);
}

/** @type {WeakMap<object, {x: number, y: number}>} */
const tops = new WeakMap();

/** Where the marker of a shape is: at the top left corner of a box, at the uppermost point of anything else. @param {import("./types.js").Shape} shape */
export function topOf(shape) {
  let top = tops.get(shape);
  if (!top) tops.set(shape, (top = found(shape)));
  return top;
}

function found({ box, polygon, mask }) {
  if (box) return { x: box[0], y: box[1] };
  if (mask) {
    const { x, y, width, bits } = bitmapOf(mask);
    const first = Math.max(0, bits.indexOf(1));
    return { x: x + (first % width) + 0.5, y: y + Math.floor(first / width) };
  }
  let top = { x: 0, y: Infinity };
  for (const ring of ringsOf(polygon)) {
    for (let n = 0; n < ring.length; n += 2) if (ring[n + 1] < top.y) top = { x: ring[n], y: ring[n + 1] };
  }
  return top;
}

/**
 * @param {CanvasRenderingContext2D} context one unit is one image pixel
 * @param {import("./types.js").Shape} shape of the object
 * @param {{colour: string, scale: number, mark: number, surface: string}} look mark: 1..12; surface: what it lies on
 */
export function paintMark(context, shape, { colour, scale, mark, surface }) {
  const { width, height } = boundsOf(shape);
  if (width * scale < ROOM || height * scale < ROOM) return;
  const { x, y } = topOf(shape);
  const [, line] = DRAWINGS[mark - 1] ?? DRAWINGS[0];
  context.save();
  context.translate(x, y);
  context.scale(1 / scale, 1 / scale);
  context.translate(shape.box ? 2 : -SIZE / 2, BELOW - SIZE / 2);
  context.fillStyle = surface;
  context.fillRect(-2, -2, SIZE + 4, SIZE + 4);
  context.setLineDash([]);
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = line ?? 1;
  if (line) context.stroke(pathOfMark(mark));
  else context.fill(pathOfMark(mark));
  context.restore();
}

/** The name of its class above an object, or inside where there is no room above. */
export function paintName(context, shape, { colour, scale, name, surface, ink }) {
  const { x, y } = boundsOf(shape);
  const { a, e, f } = context.getTransform();
  const density = a / scale;
  context.save();
  context.setTransform(density, 0, 0, density, x * a + e, y * a + f);
  context.font = "600 13px system-ui, sans-serif";
  const wide = context.measureText(name).width + 12;
  const top = y * scale + f / density < 24 ? 2 : -24;
  const left = Math.max(0, -(x * scale + e / density)); // its beginning may be out of sight
  context.fillStyle = surface;
  context.fillRect(left, top, wide, 20);
  context.fillStyle = colour;
  context.fillRect(left, top + 18, wide, 2);
  context.fillStyle = ink;
  context.textBaseline = "middle";
  context.fillText(name, left + 6, top + 9.5);
  context.restore();
}
