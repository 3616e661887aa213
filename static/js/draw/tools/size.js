// One number of a tool that keys and the wheel change: how wide a brush is, how large superpixels are. It is kept with
// the board, so that the eraser is as wide as the brush.

const FINE = 1.25; // a key press
const WHEEL = 1.1; // a notch

export class Size {
  /**
   * @param {import("../board.js").Board} board
   * @param {{name: string, from: number, least: number, most: number, changed?: (value: number) => void}} what name:
   *   where the board keeps it, and what texts.js calls it
   */
  constructor(board, { name, from, least, most, changed = () => {} }) {
    Object.assign(this, { board, name, least, most, changed });
    board[name] ??= from;
    this.wheel = (event) => this.turned(event);
  }

  get value() {
    return this.board[this.name];
  }

  /** @param {number} wanted */
  set(wanted) {
    const { board, name } = this;
    const before = this.value;
    board[name] = Math.max(this.least, Math.min(this.most, wanted));
    if (this.value === before) return;
    board.sayThat(name, { n: Math.round(this.value) });
    this.changed(this.value);
    board.redraw();
  }

  /** Whole steps where they are small: 1.25 times 1 would be 1 again. */
  step(factor) {
    const next = this.value * factor;
    this.set(factor > 1 ? Math.max(this.value + 1, Math.round(next)) : Math.min(this.value - 1, Math.round(next)));
  }

  /** Shift and the wheel, before the picture hears it. */
  turned(event) {
    if (!event.shiftKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // With Shift, browsers turn the wheel sideways.
    const way = event.deltaY || event.deltaX;
    if (way) this.step(way < 0 ? WHEEL : 1 / WHEEL);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== "[" && event.key !== "]")) return false;
    this.step(event.key === "]" ? FINE : 1 / FINE);
    return true;
  }

  begin() {
    this.board.stage.addEventListener("wheel", this.wheel, { passive: false, capture: true });
  }

  end() {
    this.board.stage.removeEventListener("wheel", this.wheel, { capture: true });
  }
}
