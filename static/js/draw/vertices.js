// Points of polygons moved, added and taken away, and holes. No page here; every function gives another polygon.
//
// A ring is named by its place among all rings of all parts (ringsOf), a point by its place in the ring.

import { nearestOn, ringContains, ringsOf, signedArea } from "./shapes.js";

/** @typedef {import("./types.js").PolygonShape["polygon"]} Polygon */
/** @typedef {{ring: number, place: number}} Spot a vertex, or the edge that begins at it */

const isNested = (polygon) => Array.isArray(polygon[0]?.[0]);

/** @param {(ring: number[]) => number[] | null} change null: the ring goes, and with an outer ring its part @returns {Polygon | null} null: nothing is left */
function edited(polygon, ring, change) {
  let number = 0;
  const parts = (isNested(polygon) ? polygon : [polygon])
    .map((part) => {
      const rings = part.map((each) => (number++ === ring ? change(each) : each));
      return rings[0] ? rings.filter(Boolean) : null;
    })
    .filter(Boolean);
  if (!parts.length) return null;
  return isNested(polygon) ? parts : parts[0];
}

/** @param {Polygon} polygon @param {Spot} spot @param {import("./types.js").Point} to */
export function moveVertex(polygon, { ring, place }, { x, y }) {
  return edited(polygon, ring, (each) => each.toSpliced(2 * place, 2, x, y));
}

/** Both ends of an edge. */
export function moveEdge(polygon, { ring, place }, dx, dy) {
  return edited(polygon, ring, (each) => {
    const moved = [...each];
    for (const n of [place, (place + 1) % (each.length / 2)]) {
      moved[2 * n] += dx;
      moved[2 * n + 1] += dy;
    }
    return moved;
  });
}

/** A vertex on the edge that begins at the spot; it has the next place. */
export function insertVertex(polygon, { ring, place }, { x, y }) {
  return edited(polygon, ring, (each) => each.toSpliced(2 * place + 2, 0, x, y));
}

/** A ring of three points goes as a whole. @returns {Polygon | null} null: nothing would be left */
export function removeVertex(polygon, { ring, place }) {
  return edited(polygon, ring, (each) => (each.length > 6 ? each.toSpliced(2 * place, 2) : null));
}

/** @param {number[]} hole @returns {Polygon | null} null: it does not lie inside of one part */
export function addHole(polygon, hole) {
  const parts = isNested(polygon) ? polygon : [polygon];
  const holds = ([outer, ...holes]) => {
    for (let n = 0; n < hole.length; n += 2) {
      const [x, y] = [hole[n], hole[n + 1]];
      if (!ringContains(outer, x, y) || holes.some((each) => ringContains(each, x, y))) return false;
    }
    return true;
  };
  const place = parts.findIndex(holds);
  if (place < 0 || Math.abs(signedArea(hole)) < 1) return null;
  const added = parts.with(place, [...parts[place], hole]);
  return isNested(polygon) ? added : added[0];
}

/** @returns {Spot | null} the nearest vertex within reach */
export function vertexAt(polygon, { x, y }, reach) {
  let [found, least] = [null, reach];
  ringsOf(polygon).forEach((each, ring) => {
    for (let n = 0; n < each.length; n += 2) {
      const away = Math.hypot(each[n] - x, each[n + 1] - y);
      if (away <= least) [found, least] = [{ ring, place: n / 2 }, away];
    }
  });
  return found;
}

/** @returns {(Spot & {x: number, y: number, along: number}) | null} the nearest edge within reach, and where on it */
export function edgeAt(polygon, { x, y }, reach) {
  let [found, least] = [null, reach];
  ringsOf(polygon).forEach((each, ring) => {
    for (let n = 0; n < each.length; n += 2) {
      const next = (n + 2) % each.length;
      const near = nearestOn(each[n], each[n + 1], each[next], each[next + 1], x, y);
      if (near.distance <= least) {
        found = { ring, place: n / 2, x: near.x, y: near.y, along: near.along };
        least = near.distance;
      }
    }
  });
  return found;
}

/** @param {Spot} spot @returns {import("./types.js").Point} */
export function vertexOf(polygon, { ring, place }) {
  const each = ringsOf(polygon)[ring];
  return { x: each[2 * place], y: each[2 * place + 1] };
}

/** The vertex after (or before) this one, from ring to ring and round again. @param {Spot | null} spot */
export function stepVertex(polygon, spot, by) {
  const all = ringsOf(polygon).flatMap((each, ring) => Array.from({ length: each.length / 2 }, (_, place) => ({ ring, place })));
  const now = spot ? all.findIndex(({ ring, place }) => ring === spot.ring && place === spot.place) : by > 0 ? -1 : 0;
  return { spot: all[(now + by + all.length) % all.length], n: ((now + by + all.length) % all.length) + 1, total: all.length };
}

/** Vertices in sight that are far enough from each other to be told apart; the chosen ones of thousands. */
export function vertexHandles(polygon, isSeen, apart) {
  const seen = [];
  for (const ring of ringsOf(polygon)) {
    let last = null;
    for (let n = 0; n < ring.length; n += 2) {
      const [x, y] = [ring[n], ring[n + 1]];
      if (!isSeen(x, y) || (last && Math.hypot(x - last.x, y - last.y) < apart)) continue;
      last = { x, y };
      seen.push(last);
    }
  }
  return seen;
}

/** The middles of edges that are longer than this, for handles that add a vertex there. */
export function edgeMiddles(polygon, isSeen, longer) {
  const found = [];
  ringsOf(polygon).forEach((each, ring) => {
    for (let n = 0; n < each.length; n += 2) {
      const next = (n + 2) % each.length;
      const middle = { x: (each[n] + each[next]) / 2, y: (each[n + 1] + each[next + 1]) / 2, ring, place: n / 2 };
      if (Math.hypot(each[n] - each[next], each[n + 1] - each[next + 1]) >= longer && isSeen(middle.x, middle.y)) found.push(middle);
    }
  });
  return found;
}
