// What tools that look at the colours of the picture share: they need its pixels, and say so where there are none.

import { Tool } from "./tool.js";

export class PixelTool extends Tool {
  begin() {
    this.cancel();
    if (this.board.image && !this.board.pixels()) this.board.sayThat("no_pixels");
  }

  end() {
    this.cancel();
  }

  /** @returns {ImageData | null} null: it was said that there are none */
  pixels() {
    const pixels = this.board.pixels();
    if (!pixels) this.board.sayThat("no_pixels");
    return pixels;
  }

  isInside({ x, y }) {
    const { width, height } = this.board.image;
    return x >= 0 && y >= 0 && x < width && y < height;
  }
}
