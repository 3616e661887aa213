// Superpixels: SLIC (Achanta and others 2012), k-means in colour and place within a small window around each centre,
// then stray pixels go to a neighbour. Pure; a generator, so that whoever runs it can let frames pass in between.

import { connected } from "./connected.js";
import { toLab } from "./lab.js";

/** @typedef {import("./wand.js").Pixels} Pixels */
/** @typedef {{width: number, height: number, labels: Int32Array, count: number}} Superpixels labels: 0 to count - 1 */

const ROUNDS = 5;
/** How much place counts against colour: 10 follows edges well and keeps superpixels compact (the paper's value). */
const COMPACTNESS = 10;
const ROWS_A_SLICE = 64;

/**
 * @param {Pixels} pixels @param {number} size about how wide a superpixel is, in pixels
 * @yields {number} the share that is done, about every few milliseconds
 * @returns {Generator<number, Superpixels>}
 */
export function* slic({ width, height, data }, size) {
  const step = Math.max(4, size);
  const lab = new Float32Array(3 * width * height);
  for (let row = 0; row < height; row += ROWS_A_SLICE) {
    toLab(data, lab, row * width, Math.min(height, row + ROWS_A_SLICE) * width);
    yield (0.2 * row) / height;
  }
  const centres = seeds(lab, width, height, step);
  const labels = new Int32Array(width * height);
  const distance = new Float32Array(width * height);
  for (let round = 0; round < ROUNDS; round += 1) {
    distance.fill(Infinity);
    for (let k = 0; k < centres.length; k += 5) {
      assign(k / 5, centres, lab, width, height, step, labels, distance);
      if (k % 320 === 0) yield 0.2 + (0.7 * (round + k / centres.length)) / ROUNDS;
    }
    const sums = new Float64Array((centres.length / 5) * 6);
    for (let row = 0; row < height; row += ROWS_A_SLICE) {
      gather(labels, lab, width, row, Math.min(height, row + ROWS_A_SLICE), sums);
      yield 0.2 + (0.7 * (round + 0.9)) / ROUNDS;
    }
    for (let k = 0; k < centres.length / 5; k += 1) {
      const n = sums[6 * k + 5];
      if (n) for (let c = 0; c < 5; c += 1) centres[5 * k + c] = sums[6 * k + c] / n;
    }
  }
  return yield* connected(labels, width, height, Math.max(4, (step * step) / 4));
}

/** Centres on a grid, five numbers each (L, a, b, x, y), each moved to the calmest of the nine pixels around it. */
function seeds(lab, width, height, step) {
  const [columns, rows] = [Math.max(1, Math.round(width / step)), Math.max(1, Math.round(height / step))];
  const centres = new Float32Array(5 * columns * rows);
  const slope = (i) => {
    let sum = 0;
    for (let c = 0; c < 3; c += 1) {
      sum += (lab[3 * (i + 1) + c] - lab[3 * (i - 1) + c]) ** 2 + (lab[3 * (i + width) + c] - lab[3 * (i - width) + c]) ** 2;
    }
    return sum;
  };
  for (let n = 0; n < columns * rows; n += 1) {
    const x = Math.floor(((n % columns) + 0.5) * (width / columns));
    const y = Math.floor((Math.floor(n / columns) + 0.5) * (height / rows));
    let best = y * width + x;
    let least = Infinity;
    for (let row = Math.max(1, y - 1); row <= Math.min(height - 2, y + 1); row += 1) {
      for (let column = Math.max(1, x - 1); column <= Math.min(width - 2, x + 1); column += 1) {
        const here = slope(row * width + column);
        if (here < least) [least, best] = [here, row * width + column];
      }
    }
    centres.set([lab[3 * best], lab[3 * best + 1], lab[3 * best + 2], best % width, Math.floor(best / width)], 5 * n);
  }
  return centres;
}

/** Give the pixels around centre k to it where it is nearer than what they have. */
function assign(k, centres, lab, width, height, step, labels, distance) {
  const [l, a, b, cx, cy] = centres.subarray(5 * k, 5 * k + 5);
  const weight = (COMPACTNESS / step) ** 2;
  const [left, right] = [Math.max(0, Math.ceil(cx - step)), Math.min(width - 1, Math.floor(cx + step))];
  const bottom = Math.min(height - 1, Math.floor(cy + step));
  for (let y = Math.max(0, Math.ceil(cy - step)); y <= bottom; y += 1) {
    const rowPart = (y - cy) * (y - cy) * weight;
    for (let x = left, i = y * width + left; x <= right; x += 1, i += 1) {
      const [dl, da, db] = [lab[3 * i] - l, lab[3 * i + 1] - a, lab[3 * i + 2] - b];
      const far = dl * dl + da * da + db * db + (x - cx) * (x - cx) * weight + rowPart;
      if (far < distance[i]) {
        distance[i] = far;
        labels[i] = k;
      }
    }
  }
}

function gather(labels, lab, width, fromRow, toRow, sums) {
  for (let y = fromRow; y < toRow; y += 1) {
    for (let x = 0, i = y * width; x < width; x += 1, i += 1) {
      const s = 6 * labels[i];
      sums[s] += lab[3 * i];
      sums[s + 1] += lab[3 * i + 1];
      sums[s + 2] += lab[3 * i + 2];
      sums[s + 3] += x;
      sums[s + 4] += y;
      sums[s + 5] += 1;
    }
  }
}
