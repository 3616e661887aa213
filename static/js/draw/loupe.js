// The neighbourhood of the pointer, enlarged beside it: the finger or the handle hides what it is put on.

const RADIUS = 60; // CSS pixels
const CLOSER = 4; // times as large as on the stage
const AWAY = 90; // CSS pixels from the pointer

/**
 * @param {CanvasRenderingContext2D} context one unit is one image pixel
 * @param {import("./board.js").Board} board @param {import("./types.js").Point} at the middle of what is shown
 */
export function drawLoupe(context, board, at) {
  if (!board.loupe || !at) return;
  const { picture, place } = board;
  const px = board.px(1);
  const radius = RADIUS * px;
  // Above and to the left; where the stage ends, to the other side.
  const isTop = place.y + at.y * place.scale < AWAY + RADIUS;
  const isLeft = place.x + at.x * place.scale < AWAY + RADIUS;
  const middle = { x: at.x + (isLeft ? AWAY : -AWAY) * px, y: at.y + (isTop ? AWAY : -AWAY) * px };
  const shown = radius / CLOSER;
  const crop = picture.crop(at, shown);
  context.save();
  context.beginPath();
  context.arc(middle.x, middle.y, radius, 0, 2 * Math.PI);
  context.clip();
  context.fillStyle = "#808080";
  context.fillRect(middle.x - radius, middle.y - radius, 2 * radius, 2 * radius);
  context.imageSmoothingEnabled = false;
  const [left, top] = [(at.x - shown - crop.x) * crop.by, (at.y - shown - crop.y) * crop.by];
  context.drawImage(crop.canvas, left, top, 2 * shown * crop.by, 2 * shown * crop.by, middle.x - radius, middle.y - radius, 2 * radius, 2 * radius);
  context.restore();
  context.setLineDash([]);
  for (const [width, colour] of [[3, "#000000"], [1, "#ffffff"]]) {
    context.lineWidth = width * px;
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(middle.x, middle.y, radius, 0, 2 * Math.PI);
    context.moveTo(middle.x - 12 * px, middle.y);
    context.lineTo(middle.x + 12 * px, middle.y);
    context.moveTo(middle.x, middle.y - 12 * px);
    context.lineTo(middle.x, middle.y + 12 * px);
    context.stroke();
  }
}
