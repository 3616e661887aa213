// Where a picture has edges, how strong and which way: what intelligent scissors follow. Pure.
// The three features of Mortensen and Barrett 1995 (and 1998): zero-crossings of the Laplacian, size of the gradient,
// and its direction.

import { shared } from "../bitmap.js";

/** @typedef {import("./wand.js").Pixels} Pixels */
/** @typedef {import("../bitmap.js").Frame} Frame */

/** Steps of a grey value below which a change of sign of the Laplacian is noise. */
const NOISE = 2;

/** The gradient of a sharp edge from black to white, smoothed: 255 grey steps, 4 of the Sobel filter, 3/4 of smoothing. */
const STRONG = 765;
const TILE = 256;
/** Filters see two pixels further than they say; so much of a tile's border is thrown away. */
const APRON = 4;

/** The edges of a picture, worked out tile by tile where somebody looks; four bytes a pixel. */
export class EdgeMap {
  /** @param {Pixels} pixels */
  constructor(pixels) {
    const n = pixels.width * pixels.height;
    this.pixels = pixels;
    this.width = pixels.width;
    /** 0 to 255, row by row: how strong */
    this.strength = new Uint8Array(n);
    /** the unit vector along the edge in 127ths; 0, 0 where there is none */
    this.alongX = new Int8Array(n);
    this.alongY = new Int8Array(n);
    /** 1 where the Laplacian crosses zero */
    this.crossing = new Uint8Array(n);
    this.done = new Set();
  }

  /**
   * @param {Frame} frame inside the picture: there the map is filled afterwards
   * @param {number} [most] so many tiles now; one takes about 10 ms
   * @returns {boolean} false: that was not enough
   */
  look({ x, y, width, height }, most = Infinity) {
    let left = most;
    for (let row = Math.floor(y / TILE); row * TILE < y + height; row += 1) {
      for (let column = Math.floor(x / TILE); column * TILE < x + width; column += 1) {
        const name = `${column} ${row}`;
        if (this.done.has(name)) continue;
        if (left <= 0) return false;
        this.fill(column * TILE, row * TILE);
        this.done.add(name);
        left -= 1;
      }
    }
    return true;
  }

  fill(x, y) {
    const { pixels } = this;
    const whole = { x: 0, y: 0, width: pixels.width, height: pixels.height };
    const tile = shared({ x, y, width: TILE, height: TILE }, whole);
    const wide = shared({ x: x - APRON, y: y - APRON, width: TILE + 2 * APRON, height: TILE + 2 * APRON }, whole);
    const found = edgesIn(pixels, wide);
    for (let row = tile.y; row < tile.y + tile.height; row += 1) {
      let from = (row - wide.y) * wide.width + tile.x - wide.x;
      for (let to = row * this.width + tile.x, end = to + tile.width; to < end; to += 1, from += 1) {
        const size = found.strength[from];
        this.crossing[to] = found.crossing[from];
        if (size === 0) continue;
        this.strength[to] = Math.min(255, Math.round((size / STRONG) * 255));
        // The edge runs across its gradient.
        this.alongX[to] = Math.round((-127 * found.downY[from]) / size);
        this.alongY[to] = Math.round((127 * found.downX[from]) / size);
      }
    }
  }
}

/** Size and direction of the gradient in a frame, and where the Laplacian crosses zero. */
function edgesIn(pixels, frame) {
  const { width, height } = frame;
  const n = width * height;
  const found = { strength: new Float32Array(n), downX: new Float32Array(n), downY: new Float32Array(n), crossing: new Uint8Array(n) };
  const grey = new Float32Array(n);
  for (let channel = 0; channel < 3; channel += 1) {
    const smooth = smoothed(pixels, frame, channel);
    strongest(smooth, found, width, height);
    for (let i = 0; i < n; i += 1) grey[i] += smooth[i] / 3;
  }
  crossings(grey, found.crossing, width, height);
  return found;
}

/** One channel, 1 2 1 by 1 2 1, the border repeated. */
function smoothed({ width, data }, { x, y, width: wide, height: high }, channel) {
  const rows = new Float32Array(wide * high);
  for (let row = 0; row < high; row += 1) {
    const from = 4 * ((y + row) * width + x) + channel;
    for (let column = 0, i = row * wide; column < wide; column += 1, i += 1) {
      const here = from + 4 * column;
      const [left, right] = [column ? data[here - 4] : data[here], column < wide - 1 ? data[here + 4] : data[here]];
      rows[i] = (left + 2 * data[here] + right) / 4;
    }
  }
  const out = new Float32Array(wide * high);
  for (let row = 0; row < high; row += 1) {
    const here = row * wide;
    const [above, below] = [row ? here - wide : here, row < high - 1 ? here + wide : here];
    for (let i = 0; i < wide; i += 1) out[here + i] = (rows[above + i] + 2 * rows[here + i] + rows[below + i]) / 4;
  }
  return out;
}

/** Keep of each pixel the channel whose gradient is the largest: two colours may be equally bright. */
function strongest(values, { strength, downX, downY }, width, height) {
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1, i = y * width + 1; x < width - 1; x += 1, i += 1) {
      const [a, b] = [values[i - width - 1] - values[i + width + 1], values[i - width + 1] - values[i + width - 1]];
      const gx = b - a + 2 * (values[i + 1] - values[i - 1]);
      const gy = -a - b + 2 * (values[i + width] - values[i - width]);
      const size = Math.sqrt(gx * gx + gy * gy);
      if (size > strength[i]) {
        strength[i] = size;
        downX[i] = gx;
        downY[i] = gy;
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
