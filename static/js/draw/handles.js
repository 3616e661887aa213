// The eight handles around what is chosen, and what dragging one does. No page here but a canvas to draw on.

const SIZE = 8; // CSS pixels

/** @typedef {{x: number, y: number, left: boolean, right: boolean, top: boolean, bottom: boolean}} Handle */

/** @param {import("./types.js").Rect} bounds @returns {Handle[]} */
export function handlesOf({ x, y, width, height }) {
  const found = [];
  for (const down of [0, 0.5, 1]) {
    for (const across of [0, 0.5, 1]) {
      if (down === 0.5 && across === 0.5) continue;
      found.push({ x: x + across * width, y: y + down * height, left: across === 0, right: across === 1, top: down === 0, bottom: down === 1 });
    }
  }
  return found;
}

/** The handle at a point, corners first. @param {number} reach in image pixels */
export function handleAt(bounds, at, reach) {
  const isCorner = (handle) => (handle.left || handle.right) && (handle.top || handle.bottom);
  const near = handlesOf(bounds).filter(({ x, y }) => Math.abs(x - at.x) <= reach && Math.abs(y - at.y) <= reach);
  return near.find(isCorner) ?? near[0] ?? null;
}

/** @param {Handle} handle @returns {string} of CSS */
export function cursorOf({ left, right, top, bottom }) {
  if ((left && top) || (right && bottom)) return "nwse-resize";
  if ((right && top) || (left && bottom)) return "nesw-resize";
  return left || right ? "ew-resize" : "ns-resize";
}

/**
 * The bounds after this handle was dragged to a point; dragged over the other side, they turn over.
 * @param {import("./types.js").Rect} bounds @param {Handle} handle @param {import("./types.js").Point} at
 */
export function dragged(bounds, handle, at) {
  const x1 = handle.left ? at.x : bounds.x;
  const x2 = handle.right ? at.x : bounds.x + bounds.width;
  const y1 = handle.top ? at.y : bounds.y;
  const y2 = handle.bottom ? at.y : bounds.y + bounds.height;
  return { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
}

/** @param {CanvasRenderingContext2D} context @param {{x: number, y: number}[]} points @param {number} px one CSS pixel */
export function paintHandles(context, points, px, colour, size = SIZE) {
  // Two squares on each other: a stroked path of hundreds costs several times as much.
  for (const [style, side] of [[colour, size + 2], ["#ffffff", size - 1]]) {
    context.fillStyle = style;
    const half = (side * px) / 2;
    for (const { x, y } of points) context.fillRect(x - half, y - half, 2 * half, 2 * half);
  }
}
