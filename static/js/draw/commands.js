// What keys and buttons do to what is chosen. Each answers false where there was nothing to do.

import { unite } from "./overlay.js";
import { allowedMove, around, boundsOf, movedShape } from "./shapes.js";
import { tidy } from "./tools/tool.js";

const APART = 10; // CSS pixels between an object and its duplicate

/** @param {import("./board.js").Board} board @returns {Object<string, (...more: any[]) => boolean>} */
export function commandsOf(board) {
  const { scene } = board;
  const free = () => scene.chosenObjects.filter(({ locked }) => !locked);

  function remove() {
    const keys = free().map(({ key }) => key);
    if (!keys.length) return false;
    scene.remove(keys, "delete");
    board.sayThat("removed", { n: keys.length });
    return true;
  }

  function duplicate() {
    const objects = scene.chosenObjects;
    if (!objects.length) return false;
    const bounds = around(objects.map(({ shape }) => boundsOf(shape)));
    const by = [1, -1].map((way) => allowedMove(bounds, way * board.px(APART), way * board.px(APART), board.image));
    const [dx, dy] = by.find(([x, y]) => x && y) ?? by[0]; // at the far corner: the other way
    scene.step("duplicate", () => scene.choose(objects.map(({ category, shape, attributes }) => scene.add({ category, shape: movedShape(shape, dx, dy), attributes }))));
    board.sayObject("duplicated", scene.chosenObjects[0]);
    return true;
  }

  /** Hide or lock what is chosen; with nothing chosen, show or unlock everything. */
  function mark(what, [on, off]) {
    const chosen = scene.chosenObjects;
    const objects = chosen.length ? chosen : scene.objects.filter((object) => object[what]);
    if (!objects.length) return false;
    const is = chosen.length > 0 && !chosen.every((object) => object[what]);
    scene.step(what, () => objects.forEach(({ key }) => scene.change(key, { [what]: is })));
    board.sayThat(is ? on : off, { n: objects.length });
    return true;
  }

  function order(by) {
    if (scene.chosen.length !== 1) return false;
    scene.reorder(scene.chosen[0], by, "order");
    board.sayThat(by > 0 ? "up" : "down");
    return true;
  }

  function reclass(id) {
    const objects = free();
    if (!objects.length || !board.classes.has(id)) return false;
    scene.step("class", () => objects.forEach(({ key }) => scene.change(key, { category: id })));
    board.setCategory(id);
    board.sayObject("changed", scene.get(objects[0].key));
    return true;
  }

  /** The chosen polygons as one, of the first one's class. */
  function join() {
    const [first, ...others] = free().filter(({ shape, hidden }) => shape.polygon && !hidden);
    if (!others.length) return board.sayThat("choose_two") ?? true;
    const parts = others.reduce((all, { shape }) => unite(all, shape.polygon), first.shape.polygon);
    if (parts.length > 1) return board.sayThat("do_not_touch") ?? true;
    const polygon = parts[0].map((ring) => ring.map(tidy));
    scene.step("join", () => {
      scene.remove(others.map(({ key }) => key));
      scene.change(first.key, { shape: { polygon } });
    });
    board.sayObject("changed", scene.get(first.key));
    return true;
  }

  /** Forth and back through the objects. @returns {boolean} false: past the last one, where the focus goes on */
  function cycle(by) {
    const seen = scene.objects.filter(({ hidden, open }) => !hidden && !open);
    const place = seen.findIndex(({ key }) => key === scene.chosen.at(-1));
    const next = place < 0 ? (by > 0 ? seen[0] : seen.at(-1)) : seen[place + by];
    if (next && !board.tool.keepsChoice) board.setTools("select");
    scene.choose(next ? [next.key] : []);
    if (next) board.sayChosen();
    return next !== undefined;
  }

  function back(what, done) {
    board.dropGesture();
    const step = scene[what]();
    board.sayThat(step === null ? "nothing_to_undo" : done);
    return step !== null;
  }

  return {
    undo: () => back("undo", "undone"),
    redo: () => back("redo", "redone"),
    remove,
    duplicate,
    hide: () => mark("hidden", ["hidden", "shown"]),
    lock: () => mark("locked", ["locked", "unlocked"]),
    up: () => order(1),
    down: () => order(-1),
    reclass,
    join,
    next: () => cycle(1),
    previous: () => cycle(-1),
    again: () => {
      if (board.lastDrawing === undefined) return false;
      board.setTools(board.lastDrawing);
      board.sayTool();
      return true;
    },
    before: () => {
      const objects = board.onBefore();
      if (!objects?.length) return false;
      board.takeFrom(objects);
      return true;
    },
    fit: () => (board.picture.toFit(), board.sayThat("whole_image"), true),
    loupe: () => ((board.loupe = !board.loupe), board.redraw(), true),
    letGo: () => {
      if (!scene.chosen.length) return false;
      scene.choose([]);
      board.sayThat("let_go");
      return true;
    },
  };
}
