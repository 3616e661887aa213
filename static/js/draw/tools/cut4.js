// Four extreme points, and the object between them is cut out of the picture.

import { area } from "../bitmap.js";
import { paintHandles } from "../handles.js";
import { paintShape } from "../paint.js";
import { paint } from "../painting.js";
import { boxOf, cutByPoints } from "../pixels/cut4.js";
import { PixelTool } from "./pixeltool.js";

const POINTS = 4;
const SMALLEST = 4; // image pixels that the box is wide and high

export class Cut4Tool extends PixelTool {
  begin() {
    this.drop();
    super.begin();
  }

  end() {
    this.drop();
  }

  drop() {
    /** @type {[number, number][]} */
    this.points = [];
    this.cancel();
  }

  cancel() {
    this.isPressed = false;
    this.board.redraw();
  }

  down() {
    this.isPressed = this.pixels() !== null;
  }

  move(at) {
    this.now = this.board.inside(at);
    this.board.redraw();
  }

  up(at) {
    if (!this.isPressed) return;
    this.cancel();
    const { x, y } = this.board.inside(at);
    this.points.push([x, y]);
    if (this.points.length < POINTS) return this.board.sayThat("point_set", { n: this.points.length });
    const { points } = this;
    this.drop();
    const box = boxOf(points);
    if (box.width < SMALLEST || box.height < SMALLEST) return this.board.sayThat("too_small");
    const pixels = this.pixels();
    if (!pixels) return;
    const bitmap = cutByPoints(pixels, points);
    // Nothing that differs from what is around it: say so instead of drawing a speck.
    if (area(bitmap) < 0.05 * box.width * box.height) return this.board.sayThat("cut_found_nothing");
    // Four points are another object, whatever is chosen.
    this.scene.choose([]);
    paint(this.board, bitmap, { name: "cut4" });
  }

  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    if (!this.points.length || !(event.key === "Backspace" || event.key === "Escape" || isUndo)) return false;
    if (event.key === "Escape") this.points = [];
    else this.points.pop();
    this.board.redraw();
    this.board.sayThat("point_removed", { n: this.points.length });
    return true;
  }

  draw(context) {
    const { board, points, now } = this;
    if (!points.length) return;
    const { x, y, width, height } = boxOf(now ? [...points, [now.x, now.y]] : points);
    paintShape(context, { box: [x, y, width, height] }, { colour: this.colour, scale: board.place.scale, line: 1, fill: 0, dash: [4, 4] });
    paintHandles(context, points.map(([px, py]) => ({ x: px, y: py })), board.px(1), this.colour);
  }
}
