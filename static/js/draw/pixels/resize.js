// Parts of a picture made smaller, and bitmaps made as large again. Pure.

/** @typedef {import("./wand.js").Pixels} Pixels */
/** @typedef {import("../bitmap.js").Frame} Frame */

/**
 * @param {Pixels} pixels @param {Frame} frame inside the picture @param {number} scale at most 1
 * @returns {Pixels} each pixel the mean of those it stands for
 */
export function part({ width: wide, data }, frame, scale) {
  const [width, height] = [Math.max(1, Math.round(frame.width * scale)), Math.max(1, Math.round(frame.height * scale))];
  const out = new Uint8ClampedArray(4 * width * height).fill(255);
  if (width === frame.width && height === frame.height) {
    for (let y = 0; y < height; y += 1) {
      const from = 4 * ((frame.y + y) * wide + frame.x);
      out.set(data.subarray(from, from + 4 * width), 4 * y * width);
    }
    return { width, height, data: out };
  }
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = [Math.floor((y * frame.height) / height), Math.ceil(((y + 1) * frame.height) / height)];
    for (let x = 0; x < width; x += 1) {
      const [left, right] = [Math.floor((x * frame.width) / width), Math.ceil(((x + 1) * frame.width) / width)];
      let [r, g, b] = [0, 0, 0];
      for (let row = top; row < bottom; row += 1) {
        for (let i = 4 * ((frame.y + row) * wide + frame.x + left), end = i + 4 * (right - left); i < end; i += 4) {
          r += data[i];
          g += data[i + 1];
          b += data[i + 2];
        }
      }
      const n = (bottom - top) * (right - left);
      out.set([r / n, g / n, b / n], 4 * (y * width + x));
    }
  }
  return { width, height, data: out };
}

/**
 * @param {import("../rle.js").Bitmap} bitmap a whole small picture @param {Frame} frame what it stands for
 * @returns {import("../rle.js").Bitmap} on that frame; borders run between the small pixels, not along them
 */
export function enlarged({ width, height, bits }, frame) {
  if (width === frame.width && height === frame.height) return { ...frame, bits };
  const out = { ...frame, bits: new Uint8Array(frame.width * frame.height) };
  const columns = between(width, frame.width);
  const rows = between(height, frame.height);
  for (let y = 0, i = 0; y < frame.height; y += 1) {
    const [above, below, down] = [rows.first[y] * width, rows.second[y] * width, rows.share[y]];
    for (let x = 0; x < frame.width; x += 1, i += 1) {
      const [left, right] = [columns.first[x], columns.second[x]];
      const [a, b, c, d] = [bits[above + left], bits[above + right], bits[below + left], bits[below + right]];
      if (a === b && b === c && c === d) out.bits[i] = a;
      else {
        const upper = a + (b - a) * columns.share[x];
        const lower = c + (d - c) * columns.share[x];
        out.bits[i] = upper + (lower - upper) * down >= 0.5 ? 1 : 0;
      }
    }
  }
  return out;
}

/** For each of `many` pixels the two of `few` whose middles it lies between, and how far it is from the first. */
function between(few, many) {
  const [first, second, share] = [new Int32Array(many), new Int32Array(many), new Float32Array(many)];
  for (let i = 0; i < many; i += 1) {
    const place = Math.max(0, Math.min(few - 1, ((i + 0.5) * few) / many - 0.5));
    first[i] = Math.floor(place);
    second[i] = Math.min(few - 1, first[i] + 1);
    share[i] = place - first[i];
  }
  return { first, second, share };
}
