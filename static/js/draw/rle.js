// COCO run-length codes and bitmaps, both ways. Pure: no page, no scene.
// A code is a string of runs, column by column from the top left, the first run always of zeros; the string is the
// one of pycocotools' maskApi.c: five bits a sign from "0" on, and from the fourth run on the difference to the run
// two before it (of the same colour, so usually small).

/**
 * @typedef {{x: number, y: number, width: number, height: number, bits: Uint8Array}} Bitmap bits: 0 or 1, row by row;
 *   x, y: where its corner lies in the image
 * @typedef {{size: [number, number], counts: string | number[], offset?: [number, number]}} Mask size: [height, width]
 *   of the crop
 */

/** @param {number[]} runs @returns {string} the same signs that pycocotools writes */
export function runsToString(runs) {
  const signs = [];
  for (let i = 0; i < runs.length; i += 1) {
    let rest = i > 2 ? runs[i] - runs[i - 2] : runs[i];
    let more = true;
    while (more) {
      let sign = rest & 0x1f;
      rest >>= 5;
      // The sign bit of the last five says whether the rest is all zeros or all ones.
      more = sign & 0x10 ? rest !== -1 : rest !== 0;
      if (more) sign |= 0x20;
      signs.push(String.fromCharCode(sign + 48));
    }
  }
  return signs.join("");
}

/** @param {string} text @returns {number[]} @throws {RangeError} where the string is no such code */
export function stringToRuns(text) {
  const runs = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const sign = text.charCodeAt(at) - 48;
      // NaN, too: the string ended inside a run.
      if (!(sign >= 0 && sign < 64) || shift > 25) throw new RangeError(`The run-length code is broken at sign ${at + 1}.`);
      value |= (sign & 0x1f) << shift;
      more = (sign & 0x20) !== 0;
      at += 1;
      shift += 5;
      if (!more && sign & 0x10 && shift < 32) value |= -1 << shift;
    }
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
    if (runs[runs.length - 1] < 0) throw new RangeError(`The run-length code has a run below zero at sign ${at}.`);
  }
  return runs;
}

/** @param {Mask} mask @returns {Bitmap} @throws {RangeError} where runs and size do not fit together */
export function decode({ size, counts, offset = [0, 0] }) {
  const [height, width] = size;
  const bits = new Uint8Array(width * height);
  const runs = typeof counts === "string" ? stringToRuns(counts) : counts;
  const total = runs.reduce((sum, run) => sum + run, 0);
  if (total !== bits.length) throw new RangeError(`The run-length code has ${total} pixels, its size ${bits.length}.`);
  let [row, column] = [0, 0];
  runs.forEach((run, i) => {
    let left = run;
    while (left > 0) {
      const here = Math.min(left, height - row);
      if (i % 2) for (let end = row + here, y = row; y < end; y += 1) bits[y * width + column] = 1;
      left -= here;
      row += here;
      if (row === height) [row, column] = [0, column + 1];
    }
  });
  return { x: offset[0], y: offset[1], width, height, bits };
}

/** @param {Bitmap} bitmap @returns {number[] | null} left, top, right and bottom (beyond the last) of what is set */
export function extent({ width, height, bits }) {
  const firstSet = bits.indexOf(1);
  if (firstSet < 0) return null;
  const top = Math.floor(firstSet / width);
  const bottom = Math.floor(bits.lastIndexOf(1) / width) + 1;
  let [left, right] = [width, 0];
  for (let y = top; y < bottom; y += 1) {
    const start = y * width;
    // Only what could widen the extent is looked at: large masks are encoded at every stroke.
    for (let x = 0; x < left; x += 1) if (bits[start + x]) left = x;
    for (let x = width - 1; x >= right; x -= 1) if (bits[start + x]) right = x + 1;
  }
  return [left, top, right, bottom];
}

/** @param {Bitmap} bitmap @returns {Mask | null} cropped to what is set; null where nothing is */
export function encode(bitmap) {
  const box = extent(bitmap);
  if (!box) return null;
  const [left, top, right, bottom] = box;
  const runs = [];
  let [value, run] = [0, 0];
  for (let x = left; x < right; x += 1) {
    for (let y = top, at = top * bitmap.width + x; y < bottom; y += 1, at += bitmap.width) {
      if (bitmap.bits[at] === value) run += 1;
      else {
        runs.push(run);
        [value, run] = [bitmap.bits[at], 1];
      }
    }
  }
  runs.push(run);
  return {
    size: [bottom - top, right - left],
    counts: runsToString(runs),
    offset: [bitmap.x + left, bitmap.y + top],
  };
}
