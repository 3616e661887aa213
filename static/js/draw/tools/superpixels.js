// Superpixels: press and drag over them to take them, or, begun on what is taken already, to give them back.

import { at as setAt, intersect } from "../bitmap.js";
import { paint, paintedPixels } from "../painting.js";
import { bordersOf, covered, members } from "../pixels/members.js";
import { slic } from "../pixels/slic.js";
import { Preview, tinted } from "../tint.js";
import { PixelTool } from "./pixeltool.js";
import { Size } from "./size.js";

const SLICE_MS = 6; // of a frame's 16: the rest is for drawing
const LINES = 0.5;

export class SuperpixelsTool extends PixelTool {
  constructor(board) {
    super(board);
    this.preview = new Preview();
    const changed = () => {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.prepare(), 250); // the key is still held down
    };
    this.size = new Size(board, { name: "superpixel_size", from: 24, least: 8, most: 120, changed });
  }

  begin() {
    super.begin();
    this.size.begin();
    if (this.board.image) this.prepare();
  }

  end() {
    super.end();
    this.size.end();
    clearTimeout(this.later);
    this.run = null;
  }

  cancel() {
    this.taken = null;
    this.preview.clear();
    this.board.redraw();
  }

  /** Once for a picture and a size, in slices between frames. */
  async prepare() {
    const pixels = this.board.pixels();
    const size = Math.round(this.size.value);
    if (!pixels || (this.ready?.pixels === pixels && this.ready.size === size)) return;
    const run = (this.run = {});
    this.board.sayThat("superpixels_begin");
    const work = slic(pixels, size);
    for (let turn = work.next(); ; turn = work.next()) {
      if (turn.done) {
        this.ready = { pixels, size, ...turn.value, ...members(turn.value), lines: null };
        break;
      }
      if (performance.now() - (run.since ??= performance.now()) < SLICE_MS) continue;
      await new Promise((next) => setTimeout(next));
      if (this.run !== run) return; // another image, size or tool
      run.since = performance.now();
    }
    this.run = null;
    this.board.sayThat("superpixels_ready", { n: this.ready.count });
    this.board.redraw();
  }

  /** The superpixel at a point; -1 where there is none, or not yet. */
  under(at) {
    const { ready, board } = this;
    // The full picture came after the preview: edges are elsewhere now.
    if (ready && ready.pixels !== board.pixels() && !this.run) this.prepare();
    return ready && this.isInside(at) ? ready.labels[Math.floor(at.y) * ready.width + Math.floor(at.x)] : -1;
  }

  down(at, event) {
    if (!this.pixels()) return;
    const first = this.under(at);
    if (first < 0) return this.board.sayThat("superpixels_wait");
    const there = paintedPixels(this.board);
    this.takes = event.altKey || (there !== null && setAt(there, at.x, at.y) === 1);
    this.start = this.last = at;
    this.taken = new Set([first]);
    this.show();
  }

  move(at) {
    const number = this.under(at);
    if (!this.taken || !this.board.isDown) {
      if (number === this.hovered) return;
      this.hovered = number;
      this.preview.show(number < 0 ? null : this.bitmap([number]));
      return this.board.redraw();
    }
    const before = this.taken.size;
    for (const point of between(this.last, at, this.ready.size / 4)) {
      const passed = this.under(point);
      if (passed >= 0) this.taken.add(passed);
    }
    this.last = at;
    if (this.taken.size > before) this.show();
  }

  up() {
    if (!this.taken) return;
    const { takes, start } = this;
    let bitmap = this.bitmap(this.taken);
    // Given back is what is taken; other classes that the pointer came over stay.
    if (takes) bitmap = intersect(bitmap, paintedPixels(this.board) ?? bitmap);
    this.hovered = -1;
    this.cancel();
    paint(this.board, bitmap, { name: "superpixels", takes, from: start });
  }

  show() {
    this.preview.show(this.bitmap(this.taken));
    this.board.redraw();
  }

  bitmap(numbers) {
    return covered(this.ready, numbers);
  }

  key(event) {
    if (event.key === "Escape" && this.taken) {
      this.cancel();
      return true;
    }
    return this.size.key(event);
  }

  draw(context) {
    if (!this.ready) return;
    this.ready.lines ??= tinted(bordersOf(this.ready), "#ffffff");
    context.imageSmoothingEnabled = true;
    context.globalAlpha = LINES;
    context.drawImage(this.ready.lines, 0, 0);
    context.globalAlpha = 1;
    this.preview.draw(context, this.colour, this.taken !== null && this.takes);
  }
}

/** Points from one to the other, none further from the next than `gap`. */
function* between(a, b, gap) {
  const steps = Math.max(1, Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / gap));
  for (let n = 1; n <= steps; n += 1) yield { x: a.x + ((b.x - a.x) * n) / steps, y: a.y + ((b.y - a.y) * n) / steps };
}
