// A polygon cut in pieces by a drawn line. No page here.

import { intersect, unite } from "./overlay.js";
import { ringsOf } from "./shapes.js";

const NEAR = 1e-3; // pixels: what counts as lying on the line

/**
 * @param {import("./types.js").PolygonShape["polygon"]} polygon
 * @param {import("./types.js").Point} from @param {import("./types.js").Point} to where the drawn line ends
 * @returns {import("./overlay.js").Parts} its pieces; one: the line parts nothing
 */
export function cutByLine(polygon, from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length === 0) return [ringsOf(polygon)];
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const far = 4 * ringsOf(polygon).flat().reduce((most, value) => Math.max(most, Math.abs(value)), length);
  const ends = [from.x - far * ux, from.y - far * uy, from.x + far * ux, from.y + far * uy];
  const side = (way) => [...ends, ends[2] - way * far * uy, ends[3] + way * far * ux, ends[0] - way * far * uy, ends[1] + way * far * ux];
  let pieces = intersect(polygon, [side(1)]);
  // The line goes on beyond what was drawn: pieces that meet there belong together still.
  for (const other of intersect(polygon, [side(-1)])) {
    const onLine = (part) => stretches(part, from, ux, uy);
    const joined = pieces.filter((piece) => onLine(piece).some((a) => onLine(other).some((b) => meetBeyond(a, b, length))));
    const whole = joined.length ? joined.reduce((all, piece) => unite(all, [piece]), [other]) : [other];
    pieces = [...pieces.filter((piece) => !joined.includes(piece)), ...whole];
  }
  return pieces;
}

/** Which stretches of the line are borders of a piece, in pixels from where it was begun. */
function stretches(part, from, ux, uy) {
  const found = [];
  for (const ring of part) {
    const points = [];
    for (let n = 0; n < ring.length; n += 2) {
      const [x, y] = [ring[n] - from.x, ring[n + 1] - from.y];
      points.push({ along: x * ux + y * uy, isOn: Math.abs(x * uy - y * ux) < NEAR });
    }
    points.forEach((a, n) => {
      const b = points[(n + 1) % points.length];
      if (a.isOn && b.isOn) found.push([Math.min(a.along, b.along), Math.max(a.along, b.along)]);
    });
  }
  return found;
}

/** Do two stretches overlap where nothing was drawn, all of it or in part? */
function meetBeyond([a1, a2], [b1, b2], length) {
  const [begin, end] = [Math.max(a1, b1), Math.min(a2, b2)];
  return end - begin > NEAR && (begin < -NEAR || end > length + NEAR);
}
