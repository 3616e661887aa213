// Paint with a round brush; the eraser is a brush that takes away. One stroke is one step.

import { frameOf, paint } from "../painting.js";
import { strokeBitmap } from "../pixels/stroke.js";
import { TINT, colourOf } from "../tint.js";
import { Size } from "./size.js";
import { Tool } from "./tool.js";

const HALF_TURN = Math.PI;

export class BrushTool extends Tool {
  constructor(board) {
    super(board);
    this.takes = false;
    this.cursor = "none"; // the ring is the cursor
    this.size = new Size(board, { name: "brush_size", from: 20, least: 1, most: 600 });
  }

  begin() {
    this.size.begin();
    this.cancel();
  }

  end() {
    this.size.end();
    this.cancel();
    this.now = null;
  }

  cancel() {
    this.dabs = [];
    this.path = null;
    this.board.redraw();
  }

  down(at, event) {
    this.isTaking = this.takes !== (event.altKey === true); // Alt: the other one, for this stroke
    this.dabs = [];
    this.path = new Path2D();
    this.add(at, event);
  }

  move(at, event) {
    this.now = at;
    if (this.dabs.length && this.board.isDown) this.add(at, event);
    this.board.redraw();
  }

  up(at, event) {
    if (!this.dabs.length) return;
    // Where it was let go counts, the pressure of letting go does not.
    this.add(at, { ...event, pressure: undefined, pointerType: undefined });
    const { dabs, isTaking } = this;
    this.cancel();
    paint(this.board, strokeBitmap(dabs, frameOf(this.board)), { name: isTaking ? "erase" : "brush", takes: isTaking, from: dabs[0] });
  }

  /** With board.usesPressure a pen paints from a quarter of the brush's width to all of it. */
  radius({ pointerType, pressure }) {
    const full = this.size.value / 2;
    const last = this.dabs.at(-1);
    if (!this.board.usesPressure) return full;
    if (pointerType === "pen") return full * (0.25 + 0.75 * pressure);
    return last ? last.radius : full;
  }

  add({ x, y }, event) {
    const dab = { x, y, radius: this.radius(event) };
    const last = this.dabs.at(-1);
    // What lies closer than this changes no pixel, and a slow hand gives thousands of such points.
    if (last && Math.hypot(last.x - x, last.y - y) < 0.25) return;
    this.dabs.push(dab);
    trace(this.path, last ?? dab, dab);
    this.now = dab;
    this.board.redraw();
  }

  key(event) {
    if (event.key === "Escape" && this.dabs.length) {
      this.cancel();
      return true;
    }
    if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.scene.choose([]);
      this.board.sayThat("next_is_new");
      return true;
    }
    return this.size.key(event);
  }

  draw(context) {
    const { board, now } = this;
    const colour = colourOf(this.colour, this.dabs.length ? this.isTaking : this.takes);
    if (this.dabs.length) {
      context.globalAlpha = TINT;
      context.fillStyle = colour;
      context.fill(this.path, "nonzero");
      context.globalAlpha = 1;
    }
    const at = board.crosshair.isShown ? board.crosshair.at : now;
    if (!at) return;
    context.setLineDash([]);
    for (const [width, ink] of [[3, "#000000"], [1.5, colour]]) {
      context.lineWidth = board.px(width);
      context.strokeStyle = ink;
      context.beginPath();
      context.arc(at.x, at.y, Math.max(this.size.value / 2, board.px(1)), 0, 2 * HALF_TURN);
      context.stroke();
    }
  }
}

export class EraseTool extends BrushTool {
  constructor(board) {
    super(board);
    this.takes = true;
  }
}

/** Two half circles and what lies between, always in the same direction: overlapping pieces stay filled. */
function trace(path, a, b) {
  const way = Math.atan2(b.y - a.y, b.x - a.x);
  const piece = new Path2D();
  piece.arc(a.x, a.y, a.radius, way + HALF_TURN / 2, way + 1.5 * HALF_TURN);
  piece.arc(b.x, b.y, b.radius, way - HALF_TURN / 2, way + HALF_TURN / 2);
  piece.closePath();
  path.addPath(piece);
}
