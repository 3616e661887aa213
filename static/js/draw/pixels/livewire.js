// Intelligent scissors: the cheapest way along edges from one point to another (Mortensen and Barrett 1995). Pure.
// Dijkstra's search with buckets, within a window around both points; it stops at the point that was asked for and
// goes on from there at the next question, so following a pointer is cheap.

import { around, shared } from "../bitmap.js";
import { edgesIn } from "./edges.js";

/** @typedef {import("./wand.js").Pixels} Pixels */

const [BY_CROSSING, BY_DIRECTION, BY_STRENGTH] = [0.43, 0.43, 0.14];
/** What a step of one pixel over the worst ground costs; whole numbers, so that buckets hold them. */
const WORST = 255;
const BUCKETS = 512; // more than a diagonal step may cost
/** How far beyond both points an edge may lead, and the largest window, in pixels. */
const MARGIN = 96;
const LARGEST = 1200;
const STEPS = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];
/** acos of -1 to 1 in 256 steps, as a share of pi. */
const ANGLE = Float32Array.from({ length: 257 }, (_, i) => Math.acos(i / 128 - 1) / Math.PI);

/** What a step from pixel i to pixel j, `length` long in direction (dx, dy), costs. */
function cost({ strength, alongX, alongY, crossing }, i, j, dx, dy, length) {
  let first = (alongX[i] * dx + alongY[i] * dy) / length;
  let second = (alongX[j] * dx + alongY[j] * dy) / length;
  // An edge has no head and no tail: seen from where one comes, it leads on.
  if (first < 0) [first, second] = [-first, -second];
  const bend = (ANGLE[Math.round(128 * (first + 1))] + ANGLE[Math.round(128 * (second + 1))]) * (2 / 3);
  const ground = BY_CROSSING * (1 - crossing[j]) + BY_DIRECTION * bend + BY_STRENGTH * (1 - strength[j]);
  return 1 + Math.round((WORST - 1) * ground * length);
}

/** @param {Pixels} pixels */
export function livewire(pixels) {
  const whole = { x: 0, y: 0, width: pixels.width, height: pixels.height };
  let edges = null;
  let search = null;
  const column = (x) => Math.max(0, Math.min(pixels.width - 1, Math.floor(x)));
  const row = (y) => Math.max(0, Math.min(pixels.height - 1, Math.floor(y)));
  const point = (x, y) => ({ x: column(x), y: row(y), width: 1, height: 1 });
  const holds = (frame, { x, y }) => x >= frame.x && y >= frame.y && x < frame.x + frame.width && y < frame.y + frame.height;

  function look(frame) {
    const wide = { x: frame.x - MARGIN, y: frame.y - MARGIN, width: frame.width + 2 * MARGIN, height: frame.height + 2 * MARGIN };
    edges = edgesIn(pixels, shared(wide, whole));
  }

  return {
    /** Begin at a point of the picture. */
    from(x, y) {
      const start = point(x, y);
      if (!edges || !holds(edges.frame, start)) look(start);
      search = { start, ...begin(edges, start) };
    },

    /**
     * @param {number} x @param {number} y where to @returns {number[]} x1, y1, x2, y2, … middles of pixels, from the
     *   beginning to here; a straight line where the two lie too far apart
     */
    to(x, y) {
      const end = point(x, y);
      const frame = around(search.start, end);
      if (frame.width > LARGEST || frame.height > LARGEST) {
        return [search.start.x + 0.5, search.start.y + 0.5, end.x + 0.5, end.y + 0.5];
      }
      if (!holds(edges.frame, end)) {
        look(frame);
        search = { start: search.start, ...begin(edges, search.start) };
      }
      return search.to(end);
    },

    /** The strongest edge within `radius` of a point, as the middle of its pixel; the point itself in flat places. */
    snapped(x, y, radius) {
      const at = point(x, y);
      if (!edges || !holds(edges.frame, at)) look(at);
      const { frame, strength } = edges;
      let [best, most] = [[at.x, at.y], 0.05];
      for (let py = Math.max(frame.y, at.y - radius); py <= Math.min(frame.y + frame.height - 1, at.y + radius); py += 1) {
        for (let px = Math.max(frame.x, at.x - radius); px <= Math.min(frame.x + frame.width - 1, at.x + radius); px += 1) {
          const value = strength[(py - frame.y) * frame.width + px - frame.x];
          if (value > most && Math.hypot(px - at.x, py - at.y) <= radius) [best, most] = [[px, py], value];
        }
      }
      return [best[0] + 0.5, best[1] + 0.5];
    },
  };
}

/** A search from one pixel that can be asked for the way to any other of its window. */
function begin(edges, start) {
  const { frame } = edges;
  const { width, height } = frame;
  const total = new Int32Array(width * height).fill(0x7fffffff);
  const cameBy = new Int8Array(width * height).fill(-1);
  const settled = new Uint8Array(width * height);
  const buckets = Array.from({ length: BUCKETS }, () => /** @type {number[]} */ ([]));
  const index = ({ x, y }) => (y - frame.y) * width + x - frame.x;
  let [now, waiting] = [0, 1];
  total[index(start)] = 0;
  buckets[0].push(index(start));

  function settle(i) {
    settled[i] = 1;
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let way = 0; way < 8; way += 1) {
      const [dx, dy] = STEPS[way];
      if (x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height) continue;
      const j = i + dy * width + dx;
      if (settled[j]) continue;
      const sum = total[i] + cost(edges, i, j, dx, dy, way % 2 ? Math.SQRT2 : 1);
      if (sum >= total[j]) continue;
      total[j] = sum;
      cameBy[j] = way;
      buckets[sum % BUCKETS].push(j);
      waiting += 1;
    }
  }

  function to(end) {
    const goal = index(end);
    while (!settled[goal] && waiting) {
      const i = buckets[now % BUCKETS].pop();
      if (i === undefined) now += 1;
      else {
        waiting -= 1;
        if (!settled[i] && total[i] === now) settle(i);
      }
    }
    const path = [];
    for (let i = goal; ; ) {
      path.push(Math.floor(i / width) + frame.y + 0.5, (i % width) + frame.x + 0.5);
      if (cameBy[i] < 0) return path.reverse();
      const [dx, dy] = STEPS[cameBy[i]];
      i -= dy * width + dx;
    }
  }
  return { to };
}
