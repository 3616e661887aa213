// Does a ring cross itself? The server refuses such polygons, so it is said while the polygon is still at hand. No page here.

/**
 * Compares edges whose stretches along x overlap: a sweep, so that thousands of points take milliseconds.
 * @param {number[]} ring @returns {{x: number, y: number} | null} where it first does
 */
export function crossingOf(ring) {
  const count = ring.length / 2;
  const edges = Array.from({ length: count }, (_, n) => {
    const next = (n + 1) % count;
    const [ax, ay, bx, by] = [ring[2 * n], ring[2 * n + 1], ring[2 * next], ring[2 * next + 1]];
    return { n, ax, ay, bx, by, left: Math.min(ax, bx), right: Math.max(ax, bx) };
  }).sort((a, b) => a.left - b.left);
  let open = [];
  for (const edge of edges) {
    open = open.filter(({ right }) => right >= edge.left);
    for (const other of open) {
      const apart = Math.abs(edge.n - other.n);
      if (apart === 1 || apart === count - 1) continue; // neighbours share a point
      const at = crossing(edge, other);
      if (at) return at;
    }
    open.push(edge);
  }
  return null;
}

function crossing(p, q) {
  const [rx, ry, sx, sy] = [p.bx - p.ax, p.by - p.ay, q.bx - q.ax, q.by - q.ay];
  const cross = rx * sy - ry * sx;
  if (cross === 0) return null;
  const along = ((q.ax - p.ax) * sy - (q.ay - p.ay) * sx) / cross;
  const other = ((q.ax - p.ax) * ry - (q.ay - p.ay) * rx) / cross;
  if (along < 0 || along > 1 || other < 0 || other > 1) return null;
  return { x: p.ax + along * rx, y: p.ay + along * ry };
}
