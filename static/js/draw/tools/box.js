// A box by one drag, or by two clicks on opposite corners.

import { paintShape } from "../paint.js";
import { boxBetween } from "../shapes.js";
import { Tool, tidy } from "./tool.js";

const SMALLEST = 1; // image pixel

export class BoxTool extends Tool {
  /** Another tool, or another image: a first corner belonged to what was before. */
  begin() {
    this.drop();
  }

  end() {
    this.drop();
  }

  cancel() {
    // A second click that was broken off leaves the first corner where it is.
    this.isDragging = false;
    if (!this.isFirstSet) this.first = null;
    this.board.redraw();
  }

  drop() {
    Object.assign(this, { first: null, isFirstSet: false, isDragging: false });
    this.board.redraw();
  }

  down(at) {
    this.now = this.board.inside(at);
    this.pressed = this.now;
    this.isDragging = true;
    if (!this.isFirstSet) this.first = this.now;
    this.board.redraw();
  }

  move(at) {
    this.now = this.board.inside(at);
    this.board.redraw();
  }

  up(at) {
    if (!this.first) return; // Escape came in between
    this.now = this.board.inside(at);
    this.isDragging = false;
    if (!this.isFirstSet && this.isClick(this.first, this.now)) {
      this.isFirstSet = true;
      return this.board.sayThat("corner_set");
    }
    const box = boxBetween(this.first, this.now).map(tidy);
    if (box[2] < SMALLEST || box[3] < SMALLEST) {
      if (!this.isFirstSet) this.drop();
      return this.board.sayThat("too_small");
    }
    this.drop();
    this.drawn({ box }, "box");
  }

  key(event) {
    if (event.key !== "Escape" && event.key !== "Backspace") return false;
    if (!this.first) return false;
    this.drop();
    this.board.sayThat("let_go");
    return true;
  }

  draw(context) {
    const { board, now } = this;
    if (this.first && now) paintShape(context, { box: boxBetween(this.first, now) }, { colour: this.colour, scale: board.place.scale });
    if (!now || this.isDragging || board.crosshair.isShown) return;
    // Lines through the pointer, to find the corner that a box begins at.
    context.setLineDash([]);
    context.lineWidth = board.px(1);
    context.strokeStyle = this.colour;
    context.beginPath();
    context.moveTo(now.x, 0);
    context.lineTo(now.x, board.image.height);
    context.moveTo(0, now.y);
    context.lineTo(board.image.width, now.y);
    context.stroke();
  }
}
