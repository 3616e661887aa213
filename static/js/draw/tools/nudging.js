// Move and resize what is chosen by arrow keys. Held down, or pressed again soon, they are one step back.

import { allowedMove, around, boundsOf, fitted, movedShape } from "../shapes.js";

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10; // image pixels with Ctrl or Alt
const TOGETHER_MS = 1_000;
const SMALLEST = 1;

export class Nudging {
  /** @param {import("../board.js").Board} board */
  constructor(board) {
    this.board = board;
    this.last = null;
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  key(event) {
    const { scene } = this.board;
    const free = scene.chosenObjects.filter(({ locked, hidden }) => !locked && !hidden);
    if (!(event.key in ARROWS) || !free.length || event.metaKey) return false;
    const far = event.ctrlKey || event.altKey ? FAR : 1;
    const [dx, dy] = ARROWS[event.key].map((way) => way * far);
    const name = event.shiftKey ? "resize" : "move";
    const mark = this.markFor(name, event.timeStamp);
    scene.step(name, () => (event.shiftKey ? this.grow(free, dx, dy) : this.move(free, dx, dy)));
    if (mark !== undefined) scene.fold(mark, name);
    this.last = { name, when: event.timeStamp, step: scene.mark, mark: mark === undefined ? this.before : mark, chosen: scene.chosen };
    this.board.sayObject("changed", scene.get(free[0].key));
    return true;
  }

  /** What lay before the first of these steps; undefined: this is the first. */
  markFor(name, when) {
    const { scene } = this.board;
    const { last } = this;
    this.before = scene.mark;
    const goesOn = last && last.name === name && when - last.when < TOGETHER_MS && last.step === scene.mark && last.chosen === scene.chosen;
    return goesOn ? last.mark : undefined;
  }

  move(objects, dx, dy) {
    const bounds = around(objects.map(({ shape }) => boundsOf(shape)));
    const by = allowedMove(bounds, dx, dy, this.board.image);
    for (const { key, shape } of objects) if (by[0] || by[1]) this.board.scene.change(key, { shape: movedShape(shape, ...by) });
  }

  /** The right and the lower side move. */
  grow(objects, dx, dy) {
    const { image, scene } = this.board;
    for (const { key, shape } of objects) {
      const { x, y, width, height } = boundsOf(shape);
      const to = { x, y, width: within(width + dx, image.width - x), height: within(height + dy, image.height - y) };
      if (to.width !== width || to.height !== height) scene.change(key, { shape: fitted(shape, to) });
    }
  }
}

const within = (length, most) => Math.max(SMALLEST, Math.min(most, length));
