// Arithmetic on shapes: bounds, area, inside or not, moved, resized. No page here.

import { maskContains } from "./bitmaps.js";

/** @typedef {import("./types.js").Shape} Shape @typedef {import("./types.js").Rect} Rect */

/** All rings of a polygon, of all its parts. @param {import("./types.js").PolygonShape["polygon"]} polygon */
export function ringsOf(polygon) {
  return Array.isArray(polygon[0]?.[0]) ? polygon.flat() : polygon;
}

/** The same polygon with other rings, as many, in the same order. */
export function withRings(polygon, rings) {
  if (!Array.isArray(polygon[0]?.[0])) return rings;
  let taken = 0;
  return polygon.map((part) => rings.slice(taken, (taken += part.length)));
}

/** Points that are drawn for it: what painting costs. @param {Shape} shape */
export function pointsOf(shape) {
  return shape.polygon ? ringsOf(shape.polygon).reduce((sum, ring) => sum + ring.length / 2, 0) : 4;
}

/** @type {WeakMap<Shape, Rect>} */
const keptBounds = new WeakMap();

/** @param {Shape} shape @returns {Rect} */
export function boundsOf(shape) {
  let bounds = keptBounds.get(shape);
  if (!bounds) keptBounds.set(shape, (bounds = measured(shape)));
  return bounds;
}

function measured({ box, polygon, mask }) {
  if (box) return { x: box[0], y: box[1], width: box[2], height: box[3] };
  if (mask) return { x: mask.offset[0], y: mask.offset[1], width: mask.size[1], height: mask.size[0] };
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of ringsOf(polygon)) {
    for (let n = 0; n < ring.length; n += 2) {
      left = Math.min(left, ring[n]);
      right = Math.max(right, ring[n]);
      top = Math.min(top, ring[n + 1]);
      bottom = Math.max(bottom, ring[n + 1]);
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Twice the signed area is positive for a ring that runs clockwise on the screen. @param {number[]} ring */
export function signedArea(ring) {
  let twice = 0;
  for (let n = 0, last = ring.length - 2; n < ring.length; last = n, n += 2) {
    twice += ring[last] * ring[n + 1] - ring[n] * ring[last + 1];
  }
  return twice / 2;
}

/** In square pixels; of a mask that of its crop, which is enough to tell small from large. @param {Shape} shape */
export function areaOf(shape) {
  if (!shape.polygon) return boundsOf(shape).width * boundsOf(shape).height;
  const parts = Array.isArray(shape.polygon[0]?.[0]) ? shape.polygon : [shape.polygon];
  return parts.reduce((sum, [outer, ...holes]) => sum + holes.reduce((left, hole) => left - Math.abs(signedArea(hole)), Math.abs(signedArea(outer))), 0);
}

/** @param {Shape} shape */
export function contains(shape, x, y) {
  const { x: left, y: top, width, height } = boundsOf(shape);
  if (x < left || y < top || x > left + width || y > top + height) return false;
  if (shape.box) return true;
  if (shape.mask) return maskContains(shape.mask, x, y);
  return ringsOf(shape.polygon).reduce((inside, ring) => inside !== ringContains(ring, x, y), false);
}

/** Crossings of a ray to the right, counted (even-odd). @param {number[]} ring */
export function ringContains(ring, x, y) {
  let inside = false;
  for (let n = 0, last = ring.length - 2; n < ring.length; last = n, n += 2) {
    const [y1, y2] = [ring[last + 1], ring[n + 1]];
    if (y1 > y !== y2 > y && x < ((ring[last] - ring[n]) * (y - y2)) / (y1 - y2) + ring[n]) inside = !inside;
  }
  return inside;
}

/** The nearest point of a line from a to b: how far along (0..1), where, and how far away. */
export function nearestOn(ax, ay, bx, by, x, y) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
  const [px, py] = [ax + along * dx, ay + along * dy];
  return { along, x: px, y: py, distance: Math.hypot(x - px, y - py) };
}

/** How far a point is from the border; Infinity for masks. @param {Shape} shape */
export function borderDistance(shape, x, y) {
  if (shape.mask) return Infinity;
  let least = Infinity;
  for (const ring of shape.box ? [ringOfBox(shape.box)] : ringsOf(shape.polygon)) {
    for (let n = 0, last = ring.length - 2; n < ring.length; last = n, n += 2) {
      least = Math.min(least, nearestOn(ring[last], ring[last + 1], ring[n], ring[n + 1], x, y).distance);
    }
  }
  return least;
}

export function ringOfBox([x, y, width, height]) {
  return [x, y, x + width, y, x + width, y + height, x, y + height];
}

/** The box between two corners. */
export function boxBetween(a, b) {
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
}

/** @param {Shape} shape @returns {Shape} a mask moves by whole pixels */
export function movedShape(shape, dx, dy) {
  const { x, y, width, height } = boundsOf(shape);
  if (shape.mask) return { mask: { ...shape.mask, offset: [Math.round(x + dx), Math.round(y + dy)] } };
  return fitted(shape, { x: x + dx, y: y + dy, width, height });
}

/** The same form in other bounds; a mask stays as it is. @param {Shape} shape @param {Rect} to @returns {Shape} */
export function fitted(shape, to) {
  if (shape.box) return { box: [to.x, to.y, to.width, to.height] };
  if (shape.mask) return shape;
  const from = boundsOf(shape);
  const [sx, sy] = [from.width ? to.width / from.width : 1, from.height ? to.height / from.height : 1];
  const rings = ringsOf(shape.polygon).map((ring) => ring.map((value, n) => (n % 2 ? to.y + (value - from.y) * sy : to.x + (value - from.x) * sx)));
  return { polygon: withRings(shape.polygon, rings) };
}

/** How far something may really be moved without leaving the image. @param {Rect} bounds @param {{width: number, height: number}} image */
export function allowedMove({ x, y, width, height }, dx, dy, image) {
  const within = (by, start, length, whole) => Math.max(Math.min(0, -start), Math.min(by, Math.max(0, whole - start - length)));
  return [within(dx, x, width, image.width), within(dy, y, height, image.height)];
}

/** @param {Rect} a @param {Rect} b touching counts */
export function meets(a, b) {
  return a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;
}

/** @param {Rect[]} rects @returns {Rect | null} around all of them */
export function around(rects) {
  if (!rects.length) return null;
  const left = Math.min(...rects.map((rect) => rect.x));
  const top = Math.min(...rects.map((rect) => rect.y));
  const right = Math.max(...rects.map((rect) => rect.x + rect.width));
  const bottom = Math.max(...rects.map((rect) => rect.y + rect.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}
