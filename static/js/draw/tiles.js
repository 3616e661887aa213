// Which tiles of a large image are in sight, and at which level. No page here: arithmetic on boxes.

/**
 * As GET /api/images/{id}/tiles/ says it: level 0 is full size, each further one half of it.
 * @typedef {{level: number, width: number, height: number, columns: number, rows: number, scale: number}} Level
 * @typedef {{key: string, level: number, column: number, row: number, x: number, y: number, width: number, height: number}} Tile
 *   x, y, width, height: in pixels of the image
 */


/** The smallest level that has a pixel for each of the screen; else full size. @param {Level[]} levels @param {number} wanted device pixels per image pixel */
export function levelFor(levels, wanted) {
  return levels.findLast(({ scale }) => scale >= wanted * 0.99) ?? levels[0];
}

/**
 * The tiles of a level that the stage shows, those in its middle first.
 * @param {Level} level @param {number} tile pixels to a side @param {import("../label/zoom.js").Place} place
 * @param {{width: number, height: number}} box the stage, CSS pixels @returns {Tile[]}
 */
export function visible({ level, width, height, columns, rows, scale }, tile, place, box) {
  const side = tile / scale; // in pixels of the image
  const range = (start, room, most) => {
    const [from, to] = [-start / place.scale / side, (room - start) / place.scale / side];
    return [Math.max(0, Math.floor(from)), Math.min(most, Math.ceil(to))];
  };
  const [left, right] = range(place.x, box.width, columns);
  const [top, bottom] = range(place.y, box.height, rows);
  const found = [];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      found.push({
        key: `${level}/${column}/${row}`, level, column, row, x: column * side, y: row * side,
        width: Math.min(tile, width - column * tile) / scale, height: Math.min(tile, height - row * tile) / scale,
      });
    }
  }
  const [x, y] = [(box.width / 2 - place.x) / place.scale, (box.height / 2 - place.y) / place.scale];
  const away = (each) => Math.hypot(each.x + each.width / 2 - x, each.y + each.height / 2 - y);
  return found.sort((a, b) => away(a) - away(b));
}
