// The cheapest ways from one pixel to all others of a window: Dijkstra 1959 with buckets (Dial 1969), which can be asked
// again and goes on. Pure; what a step costs is the caller's business.

/** The eight neighbours; odd ones are diagonal. */
export const STEPS = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];
/** More than a step may cost: then a ring of so many buckets is enough. */
const BUCKETS = 512;

export class Search {
  /**
   * @param {import("../bitmap.js").Frame} frame the window @param {number} width of the whole picture
   * @param {(i: number, j: number, way: number) => number} cost of a step between two pixels of the picture, whole
   *   numbers from 0 to 511 @param {{x: number, y: number}} start
   */
  constructor(frame, width, cost, start) {
    Object.assign(this, { frame, picture: width, cost, start });
    const n = frame.width * frame.height;
    this.total = new Int32Array(n).fill(0x7fffffff);
    this.cameBy = new Int8Array(n).fill(-1);
    this.settled = new Uint8Array(n);
    this.buckets = Array.from({ length: BUCKETS }, () => /** @type {number[]} */ ([]));
    this.now = 0;
    this.waiting = 1;
    this.total[this.index(start)] = 0;
    this.buckets[0].push(this.index(start));
  }

  index({ x, y }) {
    return (y - this.frame.y) * this.frame.width + x - this.frame.x;
  }

  holds({ x, y }) {
    const { frame } = this;
    return x >= frame.x && y >= frame.y && x < frame.x + frame.width && y < frame.y + frame.height;
  }

  settle(i) {
    const { frame, total, settled, cost } = this;
    const { width, height } = frame;
    settled[i] = 1;
    const [x, y] = [i % width, Math.floor(i / width)];
    const here = (frame.y + y) * this.picture + frame.x + x;
    for (let way = 0; way < 8; way += 1) {
      const [dx, dy] = STEPS[way];
      if (x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height) continue;
      const j = i + dy * width + dx;
      if (settled[j]) continue;
      const sum = total[i] + cost(here, here + dy * this.picture + dx, way);
      if (sum >= total[j]) continue;
      total[j] = sum;
      this.cameBy[j] = way;
      this.buckets[sum % BUCKETS].push(j);
      this.waiting += 1;
    }
  }

  /**
   * @param {{x: number, y: number}} end in the window @param {number} most pixels to settle now
   * @returns {number[] | null} middles of pixels from the start to the end; null: that was not enough
   */
  to(end, most) {
    const goal = this.index(end);
    let left = most;
    while (!this.settled[goal] && this.waiting) {
      if (left <= 0) return null;
      const i = this.buckets[this.now % BUCKETS].pop();
      if (i === undefined) {
        this.now += 1;
        continue;
      }
      this.waiting -= 1;
      if (this.settled[i] || this.total[i] !== this.now) continue;
      this.settle(i);
      left -= 1;
    }
    return this.way(goal);
  }

  way(goal) {
    const { frame, cameBy } = this;
    const path = [];
    for (let i = goal; ; ) {
      path.push(Math.floor(i / frame.width) + frame.y + 0.5, (i % frame.width) + frame.x + 0.5);
      if (cameBy[i] < 0) return path.reverse();
      const [dx, dy] = STEPS[cameBy[i]];
      i -= dy * frame.width + dx;
    }
  }
}
