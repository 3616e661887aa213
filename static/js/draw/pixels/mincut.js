// The smallest cut of a grid between a source and a sink: Boykov and Kolmogorov 2004. Pure.
// Two trees grow from the terminals until they meet; the way found is filled up, and what it cuts off looks for a new
// parent. On pictures it is faster than push-relabel (their measurements), and it needs no graph in memory but this.

/** Right, left, down, up and the diagonals, so that way ^ 1 is the way back. */
export const WAYS = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [-1, 1], [1, -1]];
const [NONE, TERMINAL, ORPHAN] = [-1, 8, 9];

/**
 * @param {number} width @param {number} height of the grid with a border of one node that is joined to nothing
 * @param {Float32Array} terminal per node: above zero, what the source gives; below, what the sink takes. Changed.
 * @param {Float32Array} capacity per node eight numbers, in the order of WAYS. Changed: what is left of it.
 * @returns {Uint8Array} 1 where a node stays with the source
 */
export function minCut(width, height, terminal, capacity) {
  const n = width * height;
  const step = WAYS.map(([dx, dy]) => dy * width + dx);
  const parent = new Int8Array(n).fill(NONE);
  const sink = new Uint8Array(n);
  const stamp = new Int32Array(n); // when its distance was last known to be right
  const depth = new Int32Array(n);
  const queued = new Uint8Array(n);
  const queue = new Int32Array(n + 1); // a ring: each node is in it once at most
  let [head, tail, clock] = [0, 0, 0];
  const orphans = [];

  const activate = (i) => {
    if (queued[i]) return;
    queued[i] = 1;
    queue[tail] = i;
    tail = tail === n ? 0 : tail + 1;
  };
  const orphan = (i) => {
    parent[i] = ORPHAN;
    orphans.push(i);
  };

  for (let i = 0; i < n; i += 1) {
    if (!terminal[i]) continue;
    sink[i] = terminal[i] < 0 ? 1 : 0;
    parent[i] = TERMINAL;
    depth[i] = 1;
    activate(i);
  }

  /** Let a node take neighbours; where it meets the other tree: 8 times the node of the source's tree, plus the way. */
  function grow(i) {
    const mine = sink[i];
    for (let way = 0; way < 8; way += 1) {
      const j = i + step[way];
      if (!(mine ? capacity[8 * j + (way ^ 1)] > 0 : capacity[8 * i + way] > 0)) continue;
      if (parent[j] === NONE) {
        sink[j] = mine;
        parent[j] = way ^ 1;
        stamp[j] = stamp[i];
        depth[j] = depth[i] + 1;
        activate(j);
      } else if (sink[j] !== mine) return mine ? 8 * j + (way ^ 1) : 8 * i + way;
      else if (stamp[j] <= stamp[i] && depth[j] > depth[i]) {
        parent[j] = way ^ 1;
        stamp[j] = stamp[i];
        depth[j] = depth[i] + 1;
      }
    }
    return -1;
  }

  /** The arc between a node and its parent, in the direction in which things flow. */
  const arc = (i) => (sink[i] ? 8 * i + parent[i] : 8 * (i + step[parent[i]]) + (parent[i] ^ 1));

  function fill(meeting) {
    const ends = [meeting >> 3, (meeting >> 3) + step[meeting & 7]];
    let flow = capacity[meeting];
    for (const end of ends) {
      let i = end;
      for (; parent[i] !== TERMINAL; i += step[parent[i]]) flow = Math.min(flow, capacity[arc(i)]);
      flow = Math.min(flow, Math.abs(terminal[i]));
    }
    capacity[meeting] -= flow;
    capacity[8 * ends[1] + ((meeting & 7) ^ 1)] += flow;
    for (const end of ends) {
      let i = end;
      while (parent[i] !== TERMINAL) {
        const [way, here] = [parent[i], arc(i)];
        const next = i + step[way];
        capacity[here] -= flow;
        capacity[sink[i] ? 8 * next + (way ^ 1) : 8 * i + way] += flow;
        if (capacity[here] <= 0) orphan(i);
        i = next;
      }
      terminal[i] += sink[i] ? flow : -flow;
      if (terminal[i] === 0) orphan(i);
    }
  }

  /** How far a node is from its terminal; Infinity where its way ends at an orphan. */
  function distance(from) {
    let [i, far] = [from, 0];
    for (;;) {
      if (stamp[i] === clock) {
        far += depth[i];
        break;
      }
      far += 1;
      if (parent[i] === TERMINAL) {
        stamp[i] = clock;
        depth[i] = 1;
        break;
      }
      if (parent[i] === ORPHAN || parent[i] === NONE) return Infinity;
      i += step[parent[i]];
    }
    for (let j = from, left = far; stamp[j] !== clock; j += step[parent[j]], left -= 1) {
      stamp[j] = clock;
      depth[j] = left;
    }
    return far;
  }

  function adopt(i) {
    const mine = sink[i];
    let [best, nearest] = [NONE, Infinity];
    const flows = (way) => (mine ? capacity[8 * i + way] : capacity[8 * (i + step[way]) + (way ^ 1)]) > 0;
    for (let way = 0; way < 8; way += 1) {
      const j = i + step[way];
      if (!flows(way) || sink[j] !== mine || parent[j] === NONE) continue;
      const far = distance(j);
      if (far < nearest) [best, nearest] = [way, far];
    }
    parent[i] = best;
    if (best !== NONE) {
      stamp[i] = clock;
      depth[i] = nearest + 1;
      return;
    }
    for (let way = 0; way < 8; way += 1) {
      const j = i + step[way];
      if (j < 0 || j >= n || sink[j] !== mine || parent[j] === NONE) continue;
      if (flows(way)) activate(j);
      if (parent[j] === (way ^ 1)) orphan(j);
    }
  }

  while (head !== tail) {
    const i = queue[head];
    if (parent[i] !== NONE) {
      for (let meeting = grow(i); meeting >= 0; meeting = parent[i] === NONE ? -1 : grow(i)) {
        clock += 1;
        fill(meeting);
        while (orphans.length) adopt(orphans.pop());
      }
    }
    head = head === n ? 0 : head + 1;
    queued[i] = 0;
  }
  return Uint8Array.from(parent, (way, i) => (way !== NONE && !sink[i] ? 1 : 0));
}
