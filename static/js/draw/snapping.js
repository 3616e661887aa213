// Points that jump to vertices and edges of neighbours, and borders that follow theirs. No page here.

import { nearestOn, ringOfBox, ringsOf } from "./shapes.js";

/**
 * @typedef {object} Snap
 * @property {number} x @property {number} y
 * @property {number[]} ring whose border it is on
 * @property {number} at place along the ring: 2.5 is in the middle of the edge from its third point to the fourth
 */

/** @param {import("./types.js").Shape} shape @returns {number[][]} */
export function borderOf(shape) {
  if (shape.mask) return [];
  return shape.box ? [ringOfBox(shape.box)] : ringsOf(shape.polygon);
}

/**
 * The nearest vertex within reach, else the nearest point of an edge.
 * @param {{x: number, y: number}} point @param {number} reach in image pixels
 * @param {import("./types.js").DrawnObject[]} neighbours @returns {Snap | null}
 */
export function snapTo({ x, y }, reach, neighbours) {
  let [vertex, edge] = [null, null];
  for (const { shape } of neighbours) {
    for (const ring of borderOf(shape)) {
      for (let n = 0, last = ring.length - 2; n < ring.length; last = n, n += 2) {
        const away = Math.hypot(ring[n] - x, ring[n + 1] - y);
        if (away <= (vertex?.away ?? reach)) vertex = { x: ring[n], y: ring[n + 1], ring, at: n / 2, away };
        const near = nearestOn(ring[last], ring[last + 1], ring[n], ring[n + 1], x, y);
        if (near.distance <= (edge?.away ?? reach)) edge = { x: near.x, y: near.y, ring, at: last / 2 + near.along, away: near.distance };
      }
    }
  }
  const { away, ...snap } = vertex ?? edge ?? {};
  return away === undefined ? null : snap;
}

/**
 * The points of a ring between two places on it, on the shorter way (or the longer), without the two themselves.
 * @param {number[]} ring @param {number} from @param {number} to as Snap.at @returns {number[]}
 */
export function follow(ring, from, to, wantsLonger = false) {
  const count = ring.length / 2;
  const onward = between(from, to, count);
  const back = between(to, from, count).reverse();
  const points = (places) => places.flatMap((place) => [ring[2 * place], ring[2 * place + 1]]);
  const ends = [pointAt(ring, from), pointAt(ring, to)];
  const length = (places) => lengthOf([...ends[0], ...points(places), ...ends[1]]);
  const isOnward = length(onward) <= length(back);
  return points(isOnward === !wantsLonger ? onward : back);
}

/** Vertices after `from` and before `to`, going on past the last to the first. */
function between(from, to, count) {
  const places = [];
  const end = to > from ? to : to + count;
  for (let place = Math.floor(from) + 1; place < end; place += 1) places.push(place % count);
  return places;
}

function pointAt(ring, at) {
  const count = ring.length / 2;
  const [n, next, along] = [Math.floor(at) % count, (Math.floor(at) + 1) % count, at % 1];
  return [0, 1].map((axis) => ring[2 * n + axis] + along * (ring[2 * next + axis] - ring[2 * n + axis]));
}

function lengthOf(line) {
  let sum = 0;
  for (let n = 2; n < line.length; n += 2) sum += Math.hypot(line[n] - line[n - 2], line[n + 1] - line[n - 1]);
  return sum;
}
