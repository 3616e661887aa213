// A hole that is being drawn in a polygon: by one stroke, or point by point.

import { traceRing } from "../paint.js";
import { simplifiedRing } from "../simplify.js";
import { tidy } from "./tool.js";

const STROKE_PX = 8; // CSS pixels: what moves further while pressed is a stroke
const OFF_PX = 1;

export class Hole {
  /** @param {import("../board.js").Board} board @param {(ring: number[]) => void} onDone */
  constructor(board, onDone) {
    Object.assign(this, { board, onDone, points: [], stroke: null, pressed: null });
  }

  down(at) {
    this.pressed = at;
  }

  move(at) {
    this.now = at;
    if (!this.pressed) return;
    const away = Math.hypot(at.x - this.pressed.x, at.y - this.pressed.y);
    if (!this.stroke && away > this.board.px(STROKE_PX)) this.stroke = [this.pressed.x, this.pressed.y];
    this.stroke?.push(at.x, at.y);
  }

  up() {
    const { stroke, pressed, points } = this;
    this.cancel();
    if (stroke) return this.onDone(simplifiedRing(stroke, this.board.px(OFF_PX)).map(tidy));
    const isFirst = points.length >= 6 && Math.hypot(pressed.x - points[0], pressed.y - points[1]) <= this.board.px(STROKE_PX);
    if (isFirst) return this.onDone(points);
    points.push(tidy(pressed.x), tidy(pressed.y));
    this.board.sayThat("point_set", { n: points.length / 2 });
  }

  cancel() {
    Object.assign(this, { stroke: null, pressed: null });
  }

  /** @returns {boolean} true: one of its points was taken back; false: there is none */
  back() {
    if (!this.points.length) return false;
    this.points.splice(-2);
    this.board.sayThat("point_removed", { n: this.points.length / 2 });
    return true;
  }

  draw(context, colour) {
    const { now, points, stroke, board } = this;
    context.setLineDash([]);
    for (const [width, style] of [[4, "#ffffff"], [2, colour]]) {
      context.lineWidth = board.px(width);
      context.strokeStyle = style;
      context.beginPath();
      traceRing(context, stroke ?? (now ? [...points, now.x, now.y] : points), false);
      context.stroke();
    }
  }
}
