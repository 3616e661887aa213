// Move and resize what is chosen by arrow keys.

import { allowedMove, around, boundsOf, fitted, movedShape } from "../shapes.js";
import { Together } from "../together.js";

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10; // image pixels with Ctrl or Alt
const SMALLEST = 1;

export class Nudging {
  /** @param {import("../board.js").Board} board */
  constructor(board) {
    this.board = board;
    this.together = new Together(board.scene);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  key(event) {
    const { scene } = this.board;
    const free = scene.chosenObjects.filter(({ locked, hidden }) => !locked && !hidden);
    if (!(event.key in ARROWS) || !free.length || event.metaKey) return false;
    const far = event.ctrlKey || event.altKey ? FAR : 1;
    const [dx, dy] = ARROWS[event.key].map((way) => way * far);
    const name = event.shiftKey ? "resize" : "move";
    this.together.step(name, event.timeStamp, () => (event.shiftKey ? this.grow(free, dx, dy) : this.move(free, dx, dy)));
    this.board.sayObject("changed", scene.get(free[0].key));
    return true;
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
