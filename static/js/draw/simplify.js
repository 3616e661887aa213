// A drawn line with fewer points that stays as near as wanted (Ramer 1972; Douglas and Peucker 1973). No page here.

import { nearestOn } from "./shapes.js";

/**
 * @param {number[]} line [x1, y1, x2, y2, …] @param {number} tolerance how far a point that is left out may lie off
 * @returns {number[]} the first and the last point always stay
 */
export function simplified(line, tolerance) {
  const last = line.length / 2 - 1;
  if (last < 2) return line;
  const isKept = new Uint8Array(last + 1);
  isKept[0] = isKept[last] = 1;
  // A stack and no recursion: a line of thousands of points in a spiral would go as deep.
  const ranges = [[0, last]];
  while (ranges.length) {
    const [from, to] = ranges.pop();
    let [furthest, where] = [tolerance, -1];
    for (let n = from + 1; n < to; n += 1) {
      const { distance } = nearestOn(line[2 * from], line[2 * from + 1], line[2 * to], line[2 * to + 1], line[2 * n], line[2 * n + 1]);
      if (distance > furthest) [furthest, where] = [distance, n];
    }
    if (where < 0) continue;
    isKept[where] = 1;
    ranges.push([from, where], [where, to]);
  }
  return line.filter((_, n) => isKept[n >> 1]);
}

/** The same of a ring: begun at its two points that are far from each other, so that the seam leaves no mark. */
export function simplifiedRing(ring, tolerance) {
  if (ring.length <= 6) return ring;
  let [far, least] = [0, -1];
  for (let n = 2; n < ring.length; n += 2) {
    const distance = Math.hypot(ring[n] - ring[0], ring[n + 1] - ring[1]);
    if (distance > least) [far, least] = [n, distance];
  }
  const there = simplified(ring.slice(0, far + 2), tolerance);
  const back = simplified([...ring.slice(far), ring[0], ring[1]], tolerance);
  return [...there, ...back.slice(2, -2)];
}
