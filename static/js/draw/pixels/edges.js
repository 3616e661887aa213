// Where a picture has edges, how strong and which way: what intelligent scissors follow. Pure.
// The three features of Mortensen and Barrett 1995 (and 1998): zero-crossings of the Laplacian, size of the gradient,
// and its direction.

/** @typedef {import("./wand.js").Pixels} Pixels */
/** @typedef {import("../bitmap.js").Frame} Frame */

/** Steps of a grey value below which a change of sign of the Laplacian is noise. */
const NOISE = 2;

/**
 * @typedef {{frame: Frame, strength: Float32Array, alongX: Float32Array, alongY: Float32Array, crossing: Uint8Array}} Edges
 *   strength: the gradient as a share of the strongest in the frame, 0 to 1; along: the unit vector along the edge
 *   (0, 0 where there is none); crossing: 1 where the Laplacian crosses zero
 */

/** @param {Pixels} pixels @param {Frame} frame inside the picture @returns {Edges} row by row */
export function edgesIn(pixels, frame) {
  const { width, height } = frame;
  const n = width * height;
  const found = {
    frame,
    strength: new Float32Array(n),
    alongX: new Float32Array(n),
    alongY: new Float32Array(n),
    crossing: new Uint8Array(n),
  };
  const grey = new Float32Array(n);
  for (let channel = 0; channel < 3; channel += 1) {
    const smooth = smoothed(pixels, frame, channel);
    strongest(smooth, found, width, height);
    for (let i = 0; i < n; i += 1) grey[i] += smooth[i] / 3;
  }
  crossings(grey, found.crossing, width, height);
  let most = 1e-6;
  for (const value of found.strength) if (value > most) most = value;
  for (let i = 0; i < n; i += 1) {
    const size = found.strength[i];
    if (size > 0) {
      // The edge runs across its gradient.
      [found.alongX[i], found.alongY[i]] = [-found.alongY[i] / size, found.alongX[i] / size];
    }
    found.strength[i] = size / most;
  }
  return found;
}

/** One channel, 1 2 1 by 1 2 1, the border repeated. */
function smoothed({ width, data }, { x, y, width: wide, height: high }, channel) {
  const rows = new Float32Array(wide * high);
  for (let row = 0; row < high; row += 1) {
    const at = (column) => data[4 * ((y + row) * width + x + Math.max(0, Math.min(wide - 1, column))) + channel];
    for (let column = 0; column < wide; column += 1) {
      rows[row * wide + column] = (at(column - 1) + 2 * at(column) + at(column + 1)) / 4;
    }
  }
  const out = new Float32Array(wide * high);
  for (let row = 0; row < high; row += 1) {
    const [above, here, below] = [Math.max(0, row - 1) * wide, row * wide, Math.min(high - 1, row + 1) * wide];
    for (let column = 0; column < wide; column += 1) {
      out[here + column] = (rows[above + column] + 2 * rows[here + column] + rows[below + column]) / 4;
    }
  }
  return out;
}

/** Keep of each pixel the channel whose gradient is the largest: two colours may be equally bright. */
function strongest(values, { strength, alongX, alongY }, width, height) {
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1, i = y * width + 1; x < width - 1; x += 1, i += 1) {
      const [a, b] = [values[i - width - 1] - values[i + width + 1], values[i - width + 1] - values[i + width - 1]];
      const gx = b - a + 2 * (values[i + 1] - values[i - 1]);
      const gy = -a - b + 2 * (values[i + width] - values[i - width]);
      const size = Math.sqrt(gx * gx + gy * gy);
      if (size > strength[i]) {
        strength[i] = size;
        alongX[i] = gx;
        alongY[i] = gy;
      }
    }
  }
}

/** Of two neighbours on either side of zero, the one nearer to it. */
function crossings(values, crossing, width, height) {
  const bend = new Float32Array(values.length);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1, i = y * width + 1; x < width - 1; x += 1, i += 1) {
      bend[i] = values[i - 1] + values[i + 1] + values[i - width] + values[i + width] - 4 * values[i];
    }
  }
  for (let y = 1; y < height - 2; y += 1) {
    for (let x = 1, i = y * width + 1; x < width - 2; x += 1, i += 1) {
      for (const j of [i + 1, i + width]) {
        if (bend[i] * bend[j] < 0 && Math.abs(bend[i] - bend[j]) > NOISE) {
          crossing[Math.abs(bend[i]) < Math.abs(bend[j]) ? i : j] = 1;
        }
      }
    }
  }
}
