// From polygons to pixels, and to the borders of pixels. Pure.
// A pixel belongs to a polygon where its middle does. (The server rasterises as pycocotools does, which takes a rim of
// half a pixel more: there what counts is decided, here what is shown and painted.)

import { blank } from "./bitmap.js";

/** @typedef {import("./rle.js").Bitmap} Bitmap */
/** @typedef {number[]} Ring x1, y1, x2, y2, … in pixels of the image, not closed by a repeated point */

/**
 * @param {Ring[]} rings outer rings and holes together
 * @param {"evenodd" | "nonzero"} [rule] evenodd: a ring inside another is its hole; nonzero: overlaps are inside
 * @returns {Bitmap} as large as the rings
 */
export function rasterised(rings, rule = "evenodd") {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      [left, right] = [Math.min(left, ring[i]), Math.max(right, ring[i])];
      [top, bottom] = [Math.min(top, ring[i + 1]), Math.max(bottom, ring[i + 1])];
    }
  }
  if (!(right >= left)) return blank({ x: 0, y: 0, width: 0, height: 0 });
  const [x, y] = [Math.floor(left), Math.floor(top)];
  const out = blank({ x, y, width: Math.ceil(right) - x, height: Math.ceil(bottom) - y });
  for (const [row, marks] of rows(rings, y, out.height).entries()) fillRow(out, row, marks, rule);
  return out;
}

/** For each row the places where its middle crosses an edge, and whether downwards. */
function rows(rings, y, height) {
  const found = Array.from({ length: height }, () => /** @type {[number, number][]} */ ([]));
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      const j = (i + 2) % ring.length;
      const [down, a, b] = ring[i + 1] < ring[j + 1] ? [1, i, j] : [-1, j, i];
      const first = Math.ceil(ring[a + 1] - y - 0.5);
      for (let row = first; row + 0.5 + y < ring[b + 1]; row += 1) {
        const share = (row + 0.5 + y - ring[a + 1]) / (ring[b + 1] - ring[a + 1]);
        found[row].push([ring[a] + share * (ring[b] - ring[a]), down]);
      }
    }
  }
  return found;
}

function fillRow(out, row, marks, rule) {
  marks.sort((a, b) => a[0] - b[0]);
  let winding = 0;
  marks.forEach(([from, down], i) => {
    winding += rule === "nonzero" ? down : 1;
    const inside = rule === "nonzero" ? winding !== 0 : winding % 2 === 1;
    if (!inside || i === marks.length - 1) return;
    const start = Math.ceil(from - out.x - 0.5);
    const end = Math.ceil(marks[i + 1][0] - out.x - 0.5);
    if (end > start) out.bits.fill(1, row * out.width + start, row * out.width + end);
  });
}

/**
 * The borders of a bitmap along the edges of its pixels.
 * @param {Bitmap} bitmap @returns {Ring[]} outer rings clockwise (on the screen), holes the other way
 */
export function borders({ x: x0, y: y0, width, height, bits }) {
  const wide = width + 1;
  const set = (x, y) => x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x] === 1;
  const STEP = [1, wide, -1, -wide]; // right, down, left, up, with what is set on the right hand
  const runs = (corner, way) => {
    const [x, y] = [corner % wide, Math.floor(corner / wide)];
    if (way === 0) return set(x, y) && !set(x, y - 1);
    if (way === 1) return set(x - 1, y) && !set(x, y);
    if (way === 2) return set(x - 1, y - 1) && !set(x - 1, y);
    return set(x, y - 1) && !set(x - 1, y - 1);
  };
  const done = new Uint8Array(wide * (height + 1)); // a bit for each direction that was walked from a corner
  const rings = [];
  for (let start = 0; start < done.length; start += 1) {
    for (const first of [0, 2]) {
      if (done[start] & (1 << first) || !runs(start, first)) continue;
      const ring = [];
      let [corner, way] = [start, first];
      do {
        done[corner] |= 1 << way;
        corner += STEP[way];
        // Right before left where two pixels touch by a corner only: they are two parts.
        const turn = [(way + 1) % 4, way, (way + 3) % 4].find((next) => runs(corner, next));
        if (turn !== way) ring.push(x0 + (corner % wide), y0 + Math.floor(corner / wide));
        way = turn;
      } while (corner !== start || way !== first);
      ring.unshift(...ring.splice(-2)); // the corner it began at was the last to be turned
      rings.push(ring);
    }
  }
  return rings;
}
