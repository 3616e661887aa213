// A box by its four extreme points, in any order (Papadopoulos et al. 2017: 7 s a box, as good as by corners).

import { paintHandles } from "../handles.js";
import { paintShape } from "../paint.js";
import { Tool, tidy } from "./tool.js";

const POINTS = 4;
const SMALLEST = 1; // image pixel

export class ExtremeTool extends Tool {
  constructor(board) {
    super(board);
    this.points = [];
  }

  begin() {
    this.drop();
  }

  end() {
    this.drop();
  }

  cancel() {
    this.now = null;
  }

  drop() {
    this.points = [];
    this.now = null;
    this.board.redraw();
  }

  move(at) {
    this.now = this.board.inside(at);
    this.board.redraw();
  }

  up(at) {
    this.points.push(this.board.inside(at));
    this.board.redraw();
    if (this.points.length < POINTS) return this.board.sayThat("point_set", { n: this.points.length });
    const box = boxAround(this.points).map(tidy);
    this.drop();
    if (box[2] < SMALLEST || box[3] < SMALLEST) return this.board.sayThat("too_small");
    this.drawn({ box }, "box");
  }

  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    if (!this.points.length || !(event.key === "Backspace" || event.key === "Escape" || isUndo)) return false;
    if (event.key === "Escape") this.drop();
    else this.points.pop();
    this.board.redraw();
    this.board.sayThat("point_removed", { n: this.points.length });
    return true;
  }

  draw(context) {
    const { board, points, now } = this;
    if (!points.length) return;
    paintShape(context, { box: boxAround(now ? [...points, now] : points) }, { colour: this.colour, scale: board.place.scale, line: 1, dash: [4, 4] });
    paintHandles(context, points, board.px(1), this.colour);
  }
}

function boxAround(points) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}
