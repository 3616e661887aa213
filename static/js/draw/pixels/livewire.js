// Intelligent scissors: the cheapest way along edges from one point to another (Mortensen and Barrett 1995). Pure.
// Dijkstra's search with buckets, within a window around both points; it stops at the point that was asked for and
// goes on from there at the next question, so following a pointer is cheap.

import { around, shared } from "../bitmap.js";
import { EdgeMap } from "./edges.js";
import { STEPS, Search } from "./search.js";

/** @typedef {import("./wand.js").Pixels} Pixels */

const [BY_CROSSING, BY_DIRECTION, BY_STRENGTH] = [0.43, 0.43, 0.14];
/** What a step of one pixel over the worst ground costs; whole numbers, so that buckets hold them. */
const WORST = 255;
/** How far beyond both points an edge may lead, in pixels and as a share of how far they are apart. */
const [MARGIN, MARGIN_SHARE] = [64, 0.15];
/** Points further apart are joined by a straight line. */
const LARGEST = 1600;
/** acos of -1 to 1 in 256 steps, as a share of pi. */
const ANGLE = Float32Array.from({ length: 257 }, (_, i) => Math.acos(i / 128 - 1) / Math.PI);
const TURN = 128 / 127; // from a product with a vector in 127ths to a place in ANGLE

/** @param {EdgeMap} edges @returns {(i: number, j: number, way: number) => number} what a step from pixel i to j costs */
function costs({ strength, alongX, alongY, crossing }) {
  return (i, j, way) => {
    const length = way % 2 ? Math.SQRT2 : 1;
    const [dx, dy] = [STEPS[way][0] / length, STEPS[way][1] / length];
    let first = (alongX[i] * dx + alongY[i] * dy) * TURN;
    let second = (alongX[j] * dx + alongY[j] * dy) * TURN;
    // An edge has no head and no tail: seen from where one comes, it leads on.
    if (first < 0) [first, second] = [-first, -second];
    const bend = (ANGLE[Math.min(256, Math.round(128 + first))] + ANGLE[Math.max(0, Math.min(256, Math.round(128 + second)))]) * (2 / 3);
    const ground = BY_CROSSING * (1 - crossing[j]) + BY_DIRECTION * bend + BY_STRENGTH * (1 - strength[j] / 255);
    return 1 + Math.round((WORST - 1) * ground * length);
  };
}

/** @param {Pixels} pixels */
export function livewire(pixels) {
  const whole = { x: 0, y: 0, width: pixels.width, height: pixels.height };
  const edges = new EdgeMap(pixels);
  const cost = costs(edges);
  /** @type {Search | null} */
  let search = null;
  const point = (x, y) => ({
    x: Math.max(0, Math.min(pixels.width - 1, Math.floor(x))),
    y: Math.max(0, Math.min(pixels.height - 1, Math.floor(y))),
    width: 1,
    height: 1,
  });

  function begin(start, end) {
    const both = around(start, end);
    const margin = MARGIN + Math.round(MARGIN_SHARE * Math.max(both.width, both.height));
    const wide = { x: both.x - margin, y: both.y - margin, width: both.width + 2 * margin, height: both.height + 2 * margin };
    const frame = shared(wide, whole);
    search = new Search(frame, pixels.width, cost, start);
  }

  return {
    /** Begin at a point of the picture. */
    from(x, y) {
      begin(point(x, y), point(x, y));
    },

    /**
     * @param {number} x @param {number} y where to
     * @param {number} [most] how many pixels may be looked at for it: 50,000 take about 10 ms
     * @returns {number[] | null} x1, y1, x2, y2, … middles of pixels, from the beginning to here; a straight line where
     *   the two lie too far apart; null: not found yet, the next question goes on
     */
    to(x, y, most = Infinity) {
      const end = point(x, y);
      const both = around(search.start, end);
      if (both.width > LARGEST || both.height > LARGEST) {
        return [search.start.x + 0.5, search.start.y + 0.5, end.x + 0.5, end.y + 0.5];
      }
      if (!search.holds(end)) begin(search.start, end);
      if (!edges.look(search.frame, most < Infinity ? 1 : Infinity)) return null;
      return search.to(end, most);
    },

    /** The strongest edge within `radius` of a point, as the middle of its pixel; the point itself in flat places. */
    snapped(x, y, radius) {
      const at = point(x, y);
      const near = shared({ x: at.x - radius, y: at.y - radius, width: 2 * radius + 1, height: 2 * radius + 1 }, whole);
      edges.look(near);
      let [best, most] = [[at.x, at.y], 12];
      for (let py = near.y; py < near.y + near.height; py += 1) {
        for (let px = near.x; px < near.x + near.width; px += 1) {
          const value = edges.strength[py * pixels.width + px];
          if (value > most && Math.hypot(px - at.x, py - at.y) <= radius) [best, most] = [[px, py], value];
        }
      }
      return [best[0] + 0.5, best[1] + 0.5];
    },
  };
}
