// Fill: a hole or a closed region of the chosen object, or in semantic painting the region under the pointer.

import { area, at as setAt, subtract } from "../bitmap.js";
import { frameOf, isSemantic, paint, paintedPixels } from "../painting.js";
import { holes, regionAround } from "../regions.js";
import { semanticOf } from "../semantic.js";
import { Tool } from "./tool.js";

/** A region that reaches the border of the image is filled up to this share of the image; beyond it a gap is likely. */
const MOST_OPEN = 0.5;

export class FillTool extends Tool {
  up(at) {
    const { board } = this;
    const frame = frameOf(board);
    const { x, y } = at;
    if (x < 0 || y < 0 || x >= frame.width || y >= frame.height) return;
    if (isSemantic(board)) return this.fillClass(x, y, frame);
    const pixels = paintedPixels(board);
    if (!pixels) return board.sayThat("fill_nothing_chosen");
    // On the object itself: all its holes at once.
    if (setAt(pixels, x, y)) return this.fillHoles(pixels);
    const { region, closed } = regionAround(pixels, frame, x, y);
    if (!closed && area(region) > MOST_OPEN * frame.width * frame.height) return board.sayThat("fill_open");
    paint(board, region, { name: "fill" });
  }

  fillHoles(pixels) {
    const found = holes(pixels);
    if (!area(found)) return this.board.sayThat("fill_no_holes");
    paint(this.board, found, { name: "fill" });
  }

  /** What is of one class and hangs together gets the class in hand; on that class itself its holes that are void. */
  fillClass(x, y, frame) {
    const { board } = this;
    const map = semanticOf(board).current();
    const here = map.at(x, y);
    const pixels = map.bitmap(here);
    if (here !== board.category) return void paint(board, regionAround(pixels, frame, x, y).region, { name: "fill" });
    const found = map.free(subtract(holes(pixels), pixels));
    if (!area(found)) return board.sayThat("fill_no_holes");
    paint(board, found, { name: "fill" });
  }
}
