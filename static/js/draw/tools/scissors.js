// Intelligent scissors: click along a border, the line between the clicks finds it. A click on the first point, a
// double click or Enter closes it.

import { rasterised } from "../outline.js";
import { frameOf, paint } from "../painting.js";
import { onFrame, shared } from "../bitmap.js";
import { paintHandles } from "../handles.js";
import { traceRing } from "../paint.js";
import { livewire } from "../pixels/livewire.js";
import { largestPart, withoutHoles } from "../regions.js";
import { PixelTool } from "./pixeltool.js";

const SNAP_PX = 5; // CSS pixels in which the strongest edge is looked for, Alt: none
const CLOSE_PX = 8;
const PIXELS_A_FRAME = 40_000;
const DOUBLE_MS = 350;

export class ScissorsTool extends PixelTool {
  begin() {
    this.drop();
    super.begin();
  }

  end() {
    this.drop();
  }

  drop() {
    /** Points that were set, and the ways that lead to them: one way fewer. */
    Object.assign(this, { points: [], ways: [], ahead: [], now: null, last: null });
    this.cancel();
  }

  cancel() {
    this.isPressed = false;
    this.board.redraw();
  }

  /** The wire for the picture as it is now: the full size may come after the preview. */
  wire() {
    const pixels = this.pixels();
    if (pixels && this.known?.pixels !== pixels) {
      this.known = { pixels, wire: livewire(pixels) };
      if (this.points.length) this.known.wire.from(...this.points.at(-1));
    }
    return pixels && this.known.wire;
  }

  pointFor(at, event) {
    const { x, y } = this.board.inside(at);
    const reach = Math.min(12, Math.round(this.board.px(SNAP_PX)));
    return event.altKey || reach < 1 ? [x, y] : this.known.wire.snapped(x, y, reach);
  }

  isNear([x, y], at, px = CLOSE_PX) {
    return Math.hypot(x - at.x, y - at.y) <= this.board.px(px);
  }

  down(at) {
    this.isPressed = this.wire() !== null && this.isInside(at);
  }

  move(at) {
    this.now = at;
    this.isStale = true; // the way is looked for with the next frame, not with each event
    this.board.redraw();
  }

  up(at, event) {
    if (!this.isPressed) return;
    this.cancel();
    const isDouble = this.last && event.timeStamp - this.last.when < DOUBLE_MS && this.isNear(this.last.at, at);
    this.last = { at: [at.x, at.y], when: event.timeStamp };
    if (this.points.length > 1 && (isDouble || this.isNear(this.points[0], at))) return this.close();
    if (!isDouble) this.add(this.pointFor(at, event));
  }

  add(point) {
    const { wire } = this.known;
    if (this.points.length) this.ways.push(wire.to(...point));
    this.points.push(point);
    wire.from(...point);
    this.ahead = [];
    this.board.sayThat("point_set", { n: this.points.length });
  }

  takeBack() {
    this.points.pop();
    this.ways.pop();
    this.ahead = [];
    if (this.points.length) this.wire()?.from(...this.points.at(-1));
    this.board.sayThat("point_removed", { n: this.points.length });
  }

  close() {
    const wire = this.wire();
    if (!wire) return;
    const ring = [...this.ways.flat(), ...wire.to(...this.points[0])];
    this.drop();
    // As pixels, and back: ways that cross or double each other leave no trace in the shape.
    const inside = rasterised([ring], "nonzero");
    const bitmap = largestPart(withoutHoles(onFrame(inside, shared(inside, frameOf(this.board)))));
    if (!bitmap) return this.board.sayThat("too_small");
    paint(this.board, bitmap, { name: "scissors" });
  }

  key(event) {
    if (!this.points.length) return false;
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    const { crosshair } = this.board;
    if (event.key === "Backspace" || isUndo) this.takeBack();
    else if (event.key === "Escape") {
      this.drop();
      this.board.sayThat("let_go");
    } else if (event.key === "Enter" && this.points.length > 1 && !(crosshair.isShown && !this.isNear(this.points.at(-1), crosshair.at))) this.close();
    else return false;
    this.board.redraw();
    return true;
  }

  draw(context) {
    const { board, points, now } = this;
    if (!points.length) return;
    if (this.isStale && now && this.known) {
      const { x, y } = board.inside(now);
      const found = this.known.wire.to(x, y, PIXELS_A_FRAME);
      if (found) this.ahead = found;
      this.isStale = found === null;
      if (this.isStale) board.redraw(); // a way over a large flat place takes several frames
    }
    context.setLineDash([]);
    for (const [width, style] of [[4, "#ffffff"], [2, this.colour]]) {
      context.lineWidth = board.px(width);
      context.strokeStyle = style;
      context.beginPath();
      traceRing(context, [...this.ways.flat(), ...this.ahead], false);
      context.stroke();
    }
    const handles = points.map(([x, y]) => ({ x, y }));
    paintHandles(context, handles.slice(1), board.px(1), this.colour, 5);
    paintHandles(context, handles.slice(0, 1), board.px(1), this.colour, 9); // to close on
  }
}
