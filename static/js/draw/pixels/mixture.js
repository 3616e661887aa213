// How likely a colour is in a set of pixels: a mixture of Gaussians in RGB, as GrabCut uses it. Pure.

/** @typedef {{weight: number, mean: number[], inverse: number[], logScale: number}} Gaussian */

const PARTS = 5;
const ROUNDS = 4;
/** Added to each variance: a flat, synthetic colour would have none. */
const SMOOTH = 4;
/** More pixels make a mixture no better, only slower. */
const SAMPLE = 2000;

/**
 * @param {Uint8ClampedArray} data four bytes a pixel @param {ArrayLike<number>} chosen which pixels
 * @returns {Gaussian[]} none where no pixel was chosen
 */
export function mixture(data, chosen) {
  const stride = Math.max(1, Math.floor(chosen.length / SAMPLE));
  const colours = [];
  for (let i = 0; i < chosen.length; i += stride) colours.push([data[4 * chosen[i]], data[4 * chosen[i] + 1], data[4 * chosen[i] + 2]]);
  if (!colours.length) return [];
  return grouped(colours)
    .filter((group) => group.length)
    .map((group) => gaussian(group, group.length / colours.length));
}

/** k-means, begun with the colours that are furthest from those taken so far: the same pixels, the same parts. */
function grouped(colours) {
  const centres = [colours[0]];
  const gap = colours.map(() => Infinity);
  const distance = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
  while (centres.length < PARTS) {
    let far = 0;
    colours.forEach((colour, i) => {
      gap[i] = Math.min(gap[i], distance(colour, centres[centres.length - 1]));
      if (gap[i] > gap[far]) far = i;
    });
    if (gap[far] === 0) break;
    centres.push(colours[far]);
  }
  let groups = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    groups = centres.map(() => []);
    for (const colour of colours) {
      let best = 0;
      for (let k = 1; k < centres.length; k += 1) {
        if (distance(colour, centres[k]) < distance(colour, centres[best])) best = k;
      }
      groups[best].push(colour);
    }
    groups.forEach((group, k) => group.length && (centres[k] = mean(group)));
  }
  return groups;
}

function mean(group) {
  const sum = [0, 0, 0];
  for (const colour of group) for (let c = 0; c < 3; c += 1) sum[c] += colour[c];
  return sum.map((value) => value / group.length);
}

function gaussian(group, weight) {
  const middle = mean(group);
  const [a, b, c, d, e, f] = spread(group, middle); // a b c / b d e / c e f
  const [A, B, C] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const determinant = a * A + b * B + c * C;
  const inverse = [A, B, C, a * f - c * c, b * c - a * e, a * d - b * b].map((value) => value / determinant);
  return { weight, mean: middle, inverse, logScale: Math.log(weight) - 0.5 * Math.log(determinant) };
}

/** The six numbers of a covariance. */
function spread(group, middle) {
  const sum = [0, 0, 0, 0, 0, 0];
  for (const colour of group) {
    const [r, g, b] = [colour[0] - middle[0], colour[1] - middle[1], colour[2] - middle[2]];
    [r * r, r * g, r * b, g * g, g * b, b * b].forEach((value, i) => (sum[i] += value));
  }
  return sum.map((value, i) => value / group.length + ([0, 3, 5].includes(i) ? SMOOTH : 0));
}

/**
 * @param {Gaussian[]} gaussians at least one
 * @returns {number} minus the logarithm of how likely a colour is, up to a constant: small = typical
 */
export function surprise(gaussians, r, g, b) {
  let best = -Infinity;
  let sum = 0;
  for (const { mean: m, inverse: q, logScale } of gaussians) {
    const [x, y, z] = [r - m[0], g - m[1], b - m[2]];
    const form = x * (q[0] * x + 2 * (q[1] * y + q[2] * z)) + y * (q[3] * y + 2 * q[4] * z) + q[5] * z * z;
    const log = logScale - 0.5 * form;
    // The sum of exponentials without an overflow: relative to the largest so far.
    if (log > best) {
      sum = sum * Math.exp(best - log) + 1;
      best = log;
    } else sum += Math.exp(log - best);
  }
  return -best - Math.log(sum);
}
