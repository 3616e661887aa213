// A pointer for the keyboard: moved by arrows, it hovers, presses and releases as a mouse would.

import { movedBy } from "../label/zoom.js";

const MARGIN = 32; // CSS pixels that it keeps from the edge of the stage
const REST_MS = 400; // said when it has come to rest, not at each pixel

export class Crosshair {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    Object.assign(this, { board, isShown: false, x: 0, y: 0 });
  }

  /** Where it is, in pixels of the image. */
  get at() {
    return { x: this.x, y: this.y };
  }

  onStage() {
    const { scale, x, y } = this.board.place;
    return { x: x + this.x * scale, y: y + this.y * scale };
  }

  show() {
    const { board } = this;
    const { scale, x, y } = board.place;
    const from = board.pointer ?? board.picture.middle;
    const at = board.inside({ x: (from.x - x) / scale, y: (from.y - y) / scale });
    Object.assign(this, { isShown: true, x: Math.round(at.x), y: Math.round(at.y) });
    board.redraw();
  }

  /** @returns {boolean} false: it was not there */
  hide() {
    const was = this.isShown;
    this.isShown = false;
    if (was) this.board.redraw();
    return was;
  }

  moveBy(dx, dy, event) {
    const { board } = this;
    if (!this.isShown) this.show();
    Object.assign(this, board.inside({ x: this.x + dx, y: this.y + dy }));
    this.bringIntoView();
    board.tool.move(this.at, event);
    board.redraw();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.isShown && board.image && board.say(board.spoken.point(this.at, board.image)), REST_MS);
  }

  /** @returns {boolean} false: it is not shown, so there is nowhere to press */
  press(event) {
    if (!this.isShown) return false;
    const { board } = this;
    board.isDown = true;
    board.tool.down(this.at, event);
    board.isDown = false;
    board.tool.up(this.at, event);
    return true;
  }

  bringIntoView() {
    const { picture, place } = this.board;
    const { x, y } = this.onStage();
    const short = (at, room) => Math.max(0, MARGIN - at) - Math.max(0, at - (room - MARGIN));
    const [dx, dy] = [short(x, picture.box.width), short(y, picture.box.height)];
    if (picture.zoomed && (dx || dy)) picture.put(movedBy(place, dx, dy));
  }

  draw(context) {
    if (!this.isShown) return;
    const { board, x, y } = this;
    const long = board.px(4000);
    for (const [width, colour] of [[3, "#000000"], [1, "#ffffff"]]) {
      context.setLineDash([]);
      context.lineWidth = board.px(width);
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(x - long, y);
      context.lineTo(x + long, y);
      context.moveTo(x, y - long);
      context.lineTo(x, y + long);
      context.stroke();
    }
  }
}
