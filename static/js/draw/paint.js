// How one object is drawn. Knows canvases and colours; not which objects there are.

import { bitmapOf } from "./bitmaps.js";
import { boundsOf, ringsOf } from "./shapes.js";

const LINE = 2; // CSS pixels
const FILL = 0.18;
const MASK = 0.45;
const HALO = 5; // CSS pixels
const SMALLEST = 2; // CSS pixels: what is smaller is a dot

const MANY = 200; // points of a ring: with more, those that no eye can tell apart are left out
const APART = 0.5; // CSS pixels

/** @type {WeakMap<object, {detail: number, path: Path2D}>} */
const paths = new WeakMap();
/** @type {WeakMap<object, {colour: string, canvas: OffscreenCanvas}>} */
const tinted = new WeakMap();

/**
 * @param {import("./types.js").Shape} shape @param {number} [scale] CSS pixels per image pixel that it is drawn at
 * @returns {Path2D} in image pixels
 */
export function pathOf(shape, scale = Infinity) {
  const isFine = !shape.polygon || !ringsOf(shape.polygon).some((ring) => ring.length > 2 * MANY);
  // By powers of two, so that zooming traces a path a few times and not at each step.
  const detail = isFine ? Infinity : 2 ** Math.ceil(Math.log2(scale));
  const known = paths.get(shape);
  if (known?.detail === detail) return known.path;
  const path = traced(shape, APART / detail);
  paths.set(shape, { detail, path });
  return path;
}

function traced({ box, polygon, mask }, apart) {
  const path = new Path2D();
  if (box) path.rect(...box);
  else if (mask) path.rect(mask.offset[0], mask.offset[1], mask.size[1], mask.size[0]);
  else for (const ring of ringsOf(polygon)) traceRing(path, ring.length > 2 * MANY ? thinned(ring, apart) : ring);
  return path;
}

/** Without points that are nearer than that to the one before; a drawn line is a few times as wide. @param {number[]} ring */
export function thinned(ring, apart) {
  let [x, y] = ring;
  const kept = [x, y];
  for (let n = 2; n < ring.length; n += 2) {
    if (Math.abs(ring[n] - x) < apart && Math.abs(ring[n + 1] - y) < apart) continue;
    [x, y] = [ring[n], ring[n + 1]];
    kept.push(x, y);
  }
  return kept;
}

/** @param {Path2D | CanvasRenderingContext2D} path @param {number[]} ring @param {boolean} [isClosed] */
export function traceRing(path, ring, isClosed = true) {
  if (ring.length < 2) return;
  path.moveTo(ring[0], ring[1]);
  for (let n = 2; n < ring.length; n += 2) path.lineTo(ring[n], ring[n + 1]);
  if (isClosed) path.closePath();
}

/**
 * @param {CanvasRenderingContext2D} context one unit is one image pixel
 * @param {import("./types.js").Shape} shape
 * @param {{colour: string, scale: number, line?: number, fill?: number, dash?: number[], detail?: number}} look scale: CSS
 *   pixels per image pixel; line and dash in CSS pixels; fill: 0..1; detail: the scale that points are thinned out for
 */
export function paintShape(context, shape, { colour, scale, line = LINE, fill = FILL, dash, detail = scale }) {
  const bounds = boundsOf(shape);
  context.fillStyle = colour;
  if (bounds.width * scale < SMALLEST && bounds.height * scale < SMALLEST) {
    context.fillRect(bounds.x, bounds.y, SMALLEST / scale, SMALLEST / scale);
    return;
  }
  if (shape.mask) return paintMask(context, shape.mask, colour);
  context.strokeStyle = colour;
  context.lineWidth = line / scale;
  context.setLineDash(dash ? dash.map((part) => part / scale) : []);
  context.lineJoin = "bevel"; // long spikes at sharp turns would show points where none are
  const path = pathOf(shape, detail);
  if (fill > 0) {
    context.globalAlpha = fill;
    context.fill(path, "evenodd");
    context.globalAlpha = 1;
  }
  context.stroke(path);
}

/** The same with white under its line. @param {{colour: string, scale: number, isNew: boolean}} look isNew: not on the layer below */
export function paintChosen(context, shape, { colour, scale, isNew }) {
  const outline = shape.mask ? { box: Object.values(boundsOf(shape)) } : shape;
  if (!isNew) paintShape(context, outline, { colour: "#ffffff", scale, line: HALO, fill: 0 });
  // In motion with half of the detail: the stroke of thousands of points is what a frame's time goes into.
  if (!shape.mask || isNew) paintShape(context, shape, { colour, scale, fill: isNew ? FILL : 0, detail: isNew ? scale / 2 : scale });
  else paintShape(context, outline, { colour, scale, fill: 0, dash: [4, 4] });
}

function paintMask(context, mask, colour) {
  context.imageSmoothingEnabled = false;
  context.globalAlpha = MASK;
  const canvas = tintedMask(mask, colour);
  if (canvas) context.drawImage(canvas, mask.offset[0], mask.offset[1]);
  context.globalAlpha = 1;
}

/** @returns {OffscreenCanvas | null} null: no pixel of it */
export function tintedMask(mask, colour) {
  const known = tinted.get(mask);
  if (known?.colour === colour) return known.canvas;
  const { width, height, bits } = bitmapOf(mask);
  if (!width || !height) return null;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  const pixels = new Uint32Array(bits.length);
  const [tint] = new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer);
  for (let n = 0; n < bits.length; n += 1) if (bits[n]) pixels[n] = tint;
  context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  tinted.set(mask, { colour, canvas });
  return canvas;
}

/** Drop the canvas of a mask that is not in the scene any more: four bytes a pixel for each step back. */
export function forgetTint(mask) {
  tinted.delete(mask);
}

/**
 * The colours as the page has them now: custom properties hold light-dark(), which no canvas reads.
 * @returns {string[]} 0: none of a class; 1 to 6: of classes; 7: what words lie on; 8: words
 */
export function coloursOf(stage) {
  const probe = document.createElement("i");
  probe.hidden = true;
  stage.append(probe);
  const colours = ["accent", "c1", "c2", "c3", "c4", "c5", "c6", "surface", "ink"].map((name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return colours;
}
