// The colour wand: press where the colour is, drag to the right for more and to the left for less, let go to take it.

import { paint } from "../painting.js";
import { wand } from "../pixels/wand.js";
import { withoutSpecks } from "../specks.js";
import { Preview } from "../tint.js";
import { PixelTool } from "./pixeltool.js";
import { Size } from "./size.js";

const PX_A_STEP = 2; // CSS pixels of dragging for one step of tolerance
/** Holes of so many pixels are noise of the picture. */
const NOISE = 16;

export class WandTool extends PixelTool {
  constructor(board) {
    super(board);
    this.preview = new Preview();
    this.size = new Size(board, { name: "wand_tolerance", from: 24, least: 0, most: 200 });
  }

  begin() {
    super.begin();
    this.size.begin();
  }

  end() {
    super.end();
    this.size.end();
  }

  cancel() {
    this.flood = null;
    this.preview.clear();
    this.board.redraw();
  }

  down(at, event) {
    const pixels = this.pixels();
    if (!pixels || !this.isInside(at)) return;
    this.start = at;
    this.takes = event.altKey === true;
    this.flood = wand(pixels, at.x, at.y);
    this.tolerance = null;
    this.look(at);
  }

  move(at) {
    if (this.flood && this.board.isDown) this.look(at);
  }

  /** Worked out with the next frame, not with each event. */
  look(at) {
    const dragged = (at.x - this.start.x) / this.board.px(PX_A_STEP);
    this.wanted = Math.max(this.size.least, Math.min(this.size.most, Math.round(this.size.value + dragged)));
    this.board.redraw();
  }

  up(at) {
    if (!this.flood) return;
    this.look(at);
    const { flood, takes, start, wanted } = this;
    this.cancel();
    this.board[this.size.name] = wanted; // what was good here is a good beginning there
    const bitmap = withoutSpecks(flood.at(wanted), NOISE);
    paint(this.board, bitmap, { name: "wand", takes, from: start });
  }

  key(event) {
    if (event.key === "Escape" && this.flood) {
      this.cancel();
      return true;
    }
    return this.size.key(event);
  }

  draw(context) {
    if (!this.flood) return;
    if (this.tolerance !== this.wanted) {
      this.tolerance = this.wanted;
      // As many pixels as the screen shows.
      const every = Math.max(1, Math.floor(this.board.px(1) / devicePixelRatio));
      this.preview.show(this.flood.at(this.wanted, every), every);
    }
    this.preview.draw(context, this.colour, this.takes);
  }
}
