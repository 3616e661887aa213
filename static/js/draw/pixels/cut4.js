// From four extreme points to the object between them, after Papadopoulos and others 2017: outside the box nothing is
// the object, the cheapest way along edges through the points says where its border may be, and GrabCut (Rother and
// others 2004) decides. Pure.

import { area, blank, filled, grow, intersect, onFrame, shared } from "../bitmap.js";
import { rasterised } from "../outline.js";
import { withoutCrumbs, withoutHoles } from "../regions.js";
import { grabCut } from "./grabcut.js";
import { livewire } from "./livewire.js";
import { enlarged, part } from "./resize.js";

/** @typedef {import("./wand.js").Pixels} Pixels */
/** @typedef {[number, number]} Point */

/** Around the box, as a share of its longer side: where the colours of the background are learned. */
const RIM = 0.15;
/** What is expected before any colour is seen: a box with rounded corners (exponent of a superellipse), its middle surely. */
const [ROUNDNESS, CORE] = [8, 0.3];
/** How much, as logarithms of odds: the place in the box, and lying inside the way along edges. */
const [BY_PLACE, BY_OUTLINE] = [5, 2];
/** First in a small picture, where a cut is fast; then in a larger one, and only near the border that was found. */
const SMALL_SIDE = 96;
const LARGE_SIDE = 512;
/** A border found in the small picture lies at most so many of its pixels from the true one. */
const REACH = 2;

/** @param {Point[]} points @returns {import("../bitmap.js").Frame} the box of the points, whole pixels */
export function boxOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys))];
  return { x, y, width: Math.max(1, Math.ceil(Math.max(...xs)) - x), height: Math.max(1, Math.ceil(Math.max(...ys)) - y) };
}

/** The points in the order in which they lie around their middle. */
function inTurn(points) {
  const [mx, my] = [0, 1].map((c) => points.reduce((sum, point) => sum + point[c], 0) / points.length);
  return [...points].sort((a, b) => Math.atan2(a[1] - my, a[0] - mx) - Math.atan2(b[1] - my, b[0] - mx));
}

/**
 * @param {Pixels} pixels @param {Point[]} points on the border of the object: leftmost, topmost, rightmost, lowest, in
 *   any order
 * @returns {import("../rle.js").Bitmap} the object, inside the box of the points
 */
export function cutByPoints(pixels, points) {
  const box = boxOf(points);
  const rim = Math.ceil(RIM * Math.max(box.width, box.height)) + 4;
  const wide = { x: box.x - rim, y: box.y - rim, width: box.width + 2 * rim, height: box.height + 2 * rim };
  const frame = shared(wide, { x: 0, y: 0, width: pixels.width, height: pixels.height });
  const longer = Math.max(frame.width, frame.height);
  const small = part(pixels, frame, Math.min(1, SMALL_SIDE / longer));
  const [across, down] = [small.width / frame.width, small.height / frame.height];
  const inside = points.map(([x, y]) => /** @type {Point} */ ([
    Math.max(0, Math.min(small.width - 0.01, (x - frame.x) * across)),
    Math.max(0, Math.min(small.height - 0.01, (y - frame.y) * down)),
  ]));
  let found = fromPoints(small, inTurn(inside));
  if (longer > SMALL_SIDE) {
    const large = part(pixels, frame, Math.min(1, LARGE_SIDE / longer));
    found = alongBorder(large, enlarged(found, wholeOf(large)), Math.ceil((REACH * large.width) / small.width));
  }
  return onFrame(enlarged(tidied(found), frame), shared(box, frame));
}

const wholeOf = ({ width, height }) => ({ x: 0, y: 0, width, height });

/** Without crumbs, and without holes that nobody would draw. */
function tidied(cut) {
  const total = area(cut);
  return withoutHoles(withoutCrumbs(cut, total * 0.05), total * 0.01);
}

/** Points and box lie in a small picture of their own. */
function fromPoints(pixels, points) {
  const whole = wholeOf(pixels);
  const box = shared(boxOf(points), whole);
  const outline = onFrame(enclosed(pixels, points, box), whole);
  const [first, surely] = [blank(whole), blank(whole)];
  const prior = new Float32Array(first.bits.length);
  for (let y = box.y; y < box.y + box.height; y += 1) {
    const v = Math.abs((y + 0.5 - box.y) / (box.height / 2) - 1) ** ROUNDNESS;
    for (let x = box.x; x < box.x + box.width; x += 1) {
      const i = y * whole.width + x;
      const u = Math.abs((x + 0.5 - box.x) / (box.width / 2) - 1) ** ROUNDNESS;
      const away = (u + v) ** (1 / ROUNDNESS); // 0 in the middle, 1 on the border
      first.bits[i] = away <= 1 ? 1 : 0;
      surely.bits[i] = away < CORE ? 1 : 0;
      prior[i] = BY_PLACE * Math.max(-1, Math.min(1, 2 * (1 - away))) + (outline.bits[i] ? BY_OUTLINE : -BY_OUTLINE);
    }
  }
  return grabCut(pixels, first, surely, onFrame(filled(box), whole), 3, prior);
}

/** The border anew where it may be: at most `reach` pixels from where it is. */
function alongBorder(pixels, shape, reach) {
  return grabCut(pixels, shape, grow(shape, -reach), onFrame(grow(shape, reach), shape), 1);
}

/** What the cheapest way along edges through the points encloses. */
function enclosed(pixels, points, box) {
  const straight = rasterised([points.flat()], "nonzero");
  const wire = livewire(pixels);
  const ring = [];
  points.forEach(([x, y], i) => {
    wire.from(x, y);
    ring.push(...wire.to(...points[(i + 1) % points.length]));
  });
  const outline = rasterised([ring], "nonzero");
  // A way that cuts through the object, or around something else, knows less than straight lines.
  const usable = area(intersect(outline, straight)) > 0.6 * area(straight);
  return onFrame(usable ? outline : straight, box);
}
