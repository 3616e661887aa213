// What all tools share. See ToolLike of types.js for who calls what, and when.

/** Two decimals: finer than anybody can point, and short in the answer. */
export const tidy = (value) => Math.round(value * 100) / 100;

export const CLICK_PX = 3; // CSS pixels: what moves less is a click

export class Tool {
  /** @param {import("../board.js").Board} board */
  constructor(board) {
    this.board = board;
    this.cursor = "crosshair";
  }

  get scene() {
    return this.board.scene;
  }

  get colour() {
    return this.board.colourOf(this.board.category);
  }

  begin() {}

  end() {}

  down() {}

  move() {}

  up() {}

  cancel() {}

  key() {
    return false;
  }

  draw() {}

  /** Was this a click, and not a drag? */
  isClick(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y) <= this.board.px(CLICK_PX);
  }

  /**
   * A new object of the present class, chosen and said.
   * @param {import("../types.js").Shape} shape @param {number | null} [from] its number in the pre-label
   * @returns {string} its key
   */
  drawn(shape, name, from = null) {
    let key = "";
    this.scene.step(name, () => {
      key = this.scene.add({ category: this.board.category, shape, from });
      this.scene.choose([key]);
    });
    this.board.sayObject("added", this.scene.get(key));
    return key;
  }
}
