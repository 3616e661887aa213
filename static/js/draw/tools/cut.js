// Cut the chosen polygon in two by a line: one drag, or two clicks.

import { cutByLine } from "../cutting.js";
import { boundsOf, meets } from "../shapes.js";
import { Tool, tidy } from "./tool.js";

export class CutTool extends Tool {
  constructor(board) {
    super(board);
    this.keepsChoice = true;
  }

  begin() {
    this.drop();
  }

  end() {
    this.drop();
  }

  drop() {
    Object.assign(this, { from: null, isFirstSet: false, now: null });
    this.board.redraw();
  }

  cancel() {
    if (!this.isFirstSet) this.drop();
  }

  down(at) {
    this.now = at;
    if (!this.isFirstSet) this.from = at;
  }

  move(at) {
    this.now = at;
    this.board.redraw();
  }

  up(at) {
    if (!this.from) return; // Escape came in between
    if (!this.isFirstSet && this.isClick(this.from, at)) {
      this.isFirstSet = true;
      return this.board.sayThat("point_set", { n: 1 });
    }
    this.cut(this.from, at);
    this.drop();
  }

  /** The chosen polygons; without any, the topmost that the line cuts. */
  cut(from, to) {
    const { scene, board } = this;
    const may = ({ shape, hidden, locked, open }) => shape.polygon && !hidden && !locked && !open;
    const chosen = scene.chosenObjects.filter(may);
    const rect = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(from.x - to.x), height: Math.abs(from.y - to.y) };
    const candidates = chosen.length ? chosen : scene.objects.filter((object) => may(object) && meets(boundsOf(object.shape), rect)).toReversed();
    if (!candidates.length) return board.sayThat("no_polygon");
    const cuts = candidates.map((object) => ({ object, pieces: cutByLine(object.shape.polygon, from, to) })).filter(({ pieces }) => pieces.length > 1);
    if (!cuts.length) return board.sayThat("does_not_cut");
    scene.step("cut", () => {
      const keys = (chosen.length ? cuts : cuts.slice(0, 1)).flatMap(({ object, pieces }) => this.replace(object, pieces));
      scene.choose(keys);
    });
    board.sayChosen();
  }

  /** The first piece stays the object that it was, with its place in the order and its origin in the pre-label. */
  replace({ key, category, attributes }, pieces) {
    const [first, ...others] = pieces.map((rings) => ({ polygon: rings.map((ring) => ring.map(tidy)) }));
    this.scene.change(key, { shape: first });
    return [key, ...others.map((shape) => this.scene.add({ category, attributes, shape }))];
  }

  key(event) {
    if (!this.from || (event.key !== "Escape" && event.key !== "Backspace")) return false;
    this.drop();
    this.board.sayThat("let_go");
    return true;
  }

  draw(context) {
    const { board, from, now } = this;
    board.drawChosen(context);
    if (!from || !now) return;
    for (const [width, colour] of [[4, "#ffffff"], [2, "#000000"]]) {
      context.setLineDash([board.px(6), board.px(4)]);
      context.lineWidth = board.px(width);
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(now.x, now.y);
      context.stroke();
    }
  }
}
