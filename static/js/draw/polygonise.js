// A bitmap as a polygon that a person can edit: few points, no edge across another. Pure.

import { borders } from "./outline.js";
import { largestPart } from "./regions.js";
import { signedArea } from "./shapes.js";
import { simplifiedRing } from "./simplify.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */
/** @typedef {import("./outline.js").Ring} Ring */

/** Smaller holes are noise of a tool, not a hole that somebody meant. */
const SMALLEST_HOLE = 16;

/**
 * The largest part of a bitmap as a polygon.
 * @param {Bitmap} bitmap
 * @param {number} [tolerance] how far, in pixels, the outline may leave the border of the pixels
 * @returns {Ring[] | null} the outer ring, then the holes; no two edges cross or touch; null where nothing is set
 */
export function polygonOf(bitmap, tolerance = 1) {
  const part = largestPart(bitmap);
  if (!part) return null;
  const [outer, ...holes] = borders(withoutSaddles(part)).sort((a, b) => signedArea(b) - signedArea(a));
  const rings = [outer, ...holes.filter((ring) => -signedArea(ring) >= SMALLEST_HOLE)];
  for (let bend = tolerance; bend > 0.05; bend /= 2) {
    const simple = rings.map((ring) => simplifiedRing(ring, bend));
    if (simple.every((ring) => ring.length >= 6) && !crossing(simple)) return simple;
  }
  return rings;
}

/** Where two pixels touch by a corner only, a border would touch itself there: one pixel more joins them. */
function withoutSaddles(bitmap) {
  const { width, height } = bitmap;
  const bits = bitmap.bits.slice();
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 0; i < width * (height - 1); i += 1) {
      if (i % width === width - 1) continue;
      const [a, b, c, d] = [bits[i], bits[i + 1], bits[i + width], bits[i + width + 1]];
      if (a === d && b === c && a !== b) {
        bits[a ? i + 1 : i] = 1;
        changed = true;
      }
    }
  }
  return { ...bitmap, bits };
}

/**
 * Does any edge cross or touch another that is not its neighbour, or fold back onto its neighbour?
 * @param {Ring[]} rings
 */
export function crossing(rings) {
  const edges = rings.flatMap((ring, r) =>
    Array.from({ length: ring.length / 2 }, (_, i) => {
      const j = (i + 1) % (ring.length / 2);
      return { r, i, j, p: [ring[2 * i], ring[2 * i + 1]], q: [ring[2 * j], ring[2 * j + 1]] };
    }),
  );
  const [left, right] = [(edge) => Math.min(edge.p[0], edge.q[0]), (edge) => Math.max(edge.p[0], edge.q[0])];
  edges.sort((a, b) => left(a) - left(b));
  let open = [];
  for (const edge of edges) {
    open = open.filter((other) => right(other) >= left(edge));
    if (open.some((other) => meet(edge, other))) return true;
    open.push(edge);
  }
  return false;
}

const turn = (a, b, c) => Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
const between = (a, b, c) =>
  Math.min(a[0], b[0]) <= c[0] && c[0] <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= c[1] && c[1] <= Math.max(a[1], b[1]);

function meet(a, b) {
  if (a.r === b.r && a.j === b.i) return folded(a.p, a.q, b.q);
  if (a.r === b.r && b.j === a.i) return folded(b.p, b.q, a.q);
  const [t1, t2, t3, t4] = [turn(a.p, a.q, b.p), turn(a.p, a.q, b.q), turn(b.p, b.q, a.p), turn(b.p, b.q, a.q)];
  if (t1 !== t2 && t3 !== t4) return true;
  return (
    (t1 === 0 && between(a.p, a.q, b.p)) ||
    (t2 === 0 && between(a.p, a.q, b.q)) ||
    (t3 === 0 && between(b.p, b.q, a.p)) ||
    (t4 === 0 && between(b.p, b.q, a.q))
  );
}

const folded = (a, b, c) =>
  turn(a, b, c) === 0 && (a[0] - b[0]) * (c[0] - b[0]) + (a[1] - b[1]) * (c[1] - b[1]) > 0;
