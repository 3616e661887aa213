// Two polygons laid over each other: what belongs to either, or to both. No page here.
//
// All edges are cut where they meet; an edge of one is kept by where its middle lies in the other; what is kept is
// joined to rings again. Shared borders count once where both lie on the same side of it, and vanish between neighbours.

import { nearestOn, ringContains, signedArea } from "./shapes.js";

const NEAR = 0.02; // pixels: points are kept with two decimals, so a vertex on a neighbour's edge may be off by .005
const SLIVER = 0.05; // square pixels: what is smaller came from that

/** @typedef {import("./types.js").Ring} Ring @typedef {Ring[][]} Parts each with its outer ring first, then its holes */

/** @param {import("./types.js").PolygonShape["polygon"]} a @returns {Parts} */
export function unite(a, b) {
  return overlaid(a, b, { isInside: false });
}

/** @returns {Parts} */
export function intersect(a, b) {
  return overlaid(a, b, { isInside: true });
}

function overlaid(a, b, { isInside }) {
  const [first, second] = [directed(a), directed(b)];
  const [cutFirst, cutSecond] = [cutAt(first, second), cutAt(second, first)];
  const known = new Map(cutSecond.map((edge) => [nameOf(edge), edge]));
  const kept = cutFirst.filter((edge) => {
    const [same, opposite] = [known.get(nameOf(edge)), known.get(nameOf(edge.toReversed()))];
    return same || opposite ? Boolean(same) : within(second, edge) === isInside;
  });
  const seen = new Set(cutFirst.flatMap((edge) => [nameOf(edge), nameOf(edge.toReversed())]));
  kept.push(...cutSecond.filter((edge) => !seen.has(nameOf(edge)) && within(first, edge) === isInside));
  return partsOf(joined(kept));
}

const pointName = ([x, y]) => `${Math.round(x * 1e4)},${Math.round(y * 1e4)}`;
const nameOf = ([from, to]) => `${pointName(from)} ${pointName(to)}`;

/** Its edges, [[x, y], [x, y]], with the inside always on the same hand: outer rings one way round, holes the other. */
function directed(polygon) {
  const parts = Array.isArray(polygon[0]?.[0]) ? polygon : [polygon];
  return parts.flatMap((part) => part.flatMap((ring, n) => edgesOf(signedArea(ring) > 0 === (n === 0) ? ring : turned(ring))));
}

function turned(ring) {
  return ring.map((_, n) => ring[ring.length - 2 - n + 2 * (n % 2)]);
}

function edgesOf(ring) {
  const edges = [];
  for (let n = 0; n < ring.length; n += 2) {
    const next = (n + 2) % ring.length;
    edges.push([[ring[n], ring[n + 1]], [ring[next], ring[next + 1]]]);
  }
  return edges.filter(([from, to]) => pointName(from) !== pointName(to));
}

/** The edges of one, cut where those of the other cross or touch them. */
function cutAt(edges, others) {
  return edges.flatMap((edge) => {
    const [from, to] = edge;
    const cuts = others.flatMap((other) => meetings(edge, other));
    cuts.sort((p, q) => p.along - q.along);
    const points = [from, ...cuts.map(({ point }) => point), to];
    return points.slice(1).map((point, n) => [points[n], point]).filter(([p, q]) => pointName(p) !== pointName(q));
  });
}

/** Where another edge meets this one, not at its ends; a vertex very near to an edge is on it. */
function meetings([from, to], [c, d]) {
  if (Math.max(c[0], d[0]) < Math.min(from[0], to[0]) - NEAR || Math.min(c[0], d[0]) > Math.max(from[0], to[0]) + NEAR) return [];
  if (Math.max(c[1], d[1]) < Math.min(from[1], to[1]) - NEAR || Math.min(c[1], d[1]) > Math.max(from[1], to[1]) + NEAR) return [];
  const on = ([p, q], point) => {
    const near = nearestOn(...p, ...q, ...point);
    return near.distance <= NEAR ? near : null;
  };
  const found = [c, d].map((point) => ({ point, near: on([from, to], point) })).filter(({ near }) => near);
  const touches = found.length > 0 || on([c, d], from) || on([c, d], to);
  if (touches) return found.map(({ point, near }) => ({ point, along: near.along })).filter(({ along }) => along > 0 && along < 1);
  const [rx, ry, sx, sy] = [to[0] - from[0], to[1] - from[1], d[0] - c[0], d[1] - c[1]];
  const cross = rx * sy - ry * sx;
  if (cross === 0) return [];
  const along = ((c[0] - from[0]) * sy - (c[1] - from[1]) * sx) / cross;
  const other = ((c[0] - from[0]) * ry - (c[1] - from[1]) * rx) / cross;
  if (along <= 0 || along >= 1 || other <= 0 || other >= 1) return [];
  // Rounded, so that both edges get the very same point.
  return [{ along, point: [from[0] + along * rx, from[1] + along * ry].map((value) => Math.round(value * 1e4) / 1e4) }];
}

function within(edges, [from, to]) {
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  return edges.reduce((inside, [[x1, y1], [x2, y2]]) => inside !== (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1), false);
}

/** Directed edges to rings. Where several go on from a point, the sharpest turn inward: rings that touch stay apart. */
function joined(edges) {
  const onward = new Map();
  for (const edge of edges) onward.set(pointName(edge[0]), [...(onward.get(pointName(edge[0])) ?? []), edge]);
  const rings = [];
  for (const start of edges) {
    const ring = [];
    for (let edge = start; edge; ) {
      const from = onward.get(pointName(edge[0]));
      if (!from?.includes(edge)) break;
      from.splice(from.indexOf(edge), 1);
      ring.push(...edge[0]);
      const next = onward.get(pointName(edge[1])) ?? [];
      edge = next.length > 1 ? next.reduce((best, each) => (turn(edge, each) > turn(edge, best) ? each : best)) : next[0];
    }
    if (ring.length >= 6 && Math.abs(signedArea(ring)) > SLIVER) rings.push(straightened(ring));
  }
  return rings;
}

/** From -π to π, larger to the side where the inside lies. */
function turn([a, b], [, c]) {
  const [ux, uy, vx, vy] = [b[0] - a[0], b[1] - a[1], c[0] - b[0], c[1] - b[1]];
  return Math.atan2(ux * vy - uy * vx, ux * vx + uy * vy);
}

/** Without the points in the middle of straight lines that cutting left behind. */
function straightened(ring) {
  return ring.filter((_, n) => {
    const at = (place) => ring.slice((2 * place + ring.length) % ring.length, ((2 * place + ring.length) % ring.length) + 2);
    const place = n >> 1;
    const [before, here, after] = [at(place - 1), at(place), at(place + 1)];
    return nearestOn(...before, ...after, ...here).distance > 1e-3;
  });
}

/** Each hole goes to the smallest outer ring around it. */
function partsOf(rings) {
  const parts = rings.filter((ring) => signedArea(ring) > 0).map((ring) => [ring]);
  parts.sort(([a], [b]) => signedArea(a) - signedArea(b));
  for (const hole of rings.filter((ring) => signedArea(ring) < 0)) {
    const isAround = ([outer]) => ringContains(outer, (hole[0] + hole[2]) / 2, (hole[1] + hole[3]) / 2);
    parts.find(isAround)?.push(hole);
  }
  return parts;
}
