// The last step of SLIC: each superpixel one piece. Pure.

/**
 * Number the pieces anew; a piece that is too small joins the one to its left or above it.
 * @param {Int32Array} labels @param {number} width @param {number} height @param {number} smallest in pixels
 * @returns {Generator<number, import("./slic.js").Superpixels>}
 */
export function* connected(labels, width, height, smallest) {
  const out = new Int32Array(labels.length).fill(-1);
  const piece = new Int32Array(labels.length);
  let count = 0;
  for (let seed = 0; seed < labels.length; seed += 1) {
    if (seed % (64 * width) === 0) yield 0.9 + (0.1 * seed) / labels.length;
    if (out[seed] >= 0) continue;
    // Everything before the seed has its number already: the pixel to the left, else the one above.
    const neighbour = seed % width ? out[seed - 1] : seed >= width ? out[seed - width] : -1;
    const label = labels[seed];
    let n = 1;
    piece[0] = seed;
    out[seed] = count;
    for (let at = 0; at < n; at += 1) {
      const i = piece[at];
      const x = i % width;
      if (x > 0 && out[i - 1] < 0 && labels[i - 1] === label) out[(piece[n++] = i - 1)] = count;
      if (x < width - 1 && out[i + 1] < 0 && labels[i + 1] === label) out[(piece[n++] = i + 1)] = count;
      if (i >= width && out[i - width] < 0 && labels[i - width] === label) out[(piece[n++] = i - width)] = count;
      if (i + width < labels.length && out[i + width] < 0 && labels[i + width] === label) out[(piece[n++] = i + width)] = count;
    }
    if (n < smallest && neighbour >= 0) for (let at = 0; at < n; at += 1) out[piece[at]] = neighbour;
    else count += 1;
  }
  return { width, height, labels: out, count };
}
