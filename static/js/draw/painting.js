// Where painted pixels go: into the chosen object, a new one, or the class map. Knows the board, not the tools.

import { area, at, onFrame, shared, subtract, union } from "./bitmap.js";
import { semanticOf } from "./semantic.js";
import { bitmapOfShape, shapeOfBitmap } from "./shapebits.js";

/** @typedef {import("./board.js").Board} Board */
/** @typedef {import("./rle.js").Bitmap} Bitmap */

/** @param {Board} board @returns {boolean} does each pixel have one class here? */
export const isSemantic = (board) => board.task === "semantic";

/** What new objects are made of. @param {Board} board @returns {"mask" | "polygon"} */
const kindOf = (board) => (board.task === "polygons" ? "polygon" : "mask");

/** @param {Board} board @returns {import("./bitmap.js").Frame} the image */
export const frameOf = ({ image }) => ({ x: 0, y: 0, width: image.width, height: image.height });

const canTake = ({ shape, hidden, locked, open }) => !shape.box && !hidden && !locked && !open;

/**
 * The object that is painted into: the one that is chosen, if it has the class in hand.
 * @param {Board} board @returns {import("./types.js").DrawnObject | null} null: a new one begins
 */
export function targetOf(board) {
  const [object, ...more] = board.scene.chosenObjects;
  return object && !more.length && canTake(object) && object.category === board.category ? object : null;
}

/** What is taken from: the one that is chosen, of whatever class, else the topmost at a point. */
function erasedOf(board, point) {
  const [object] = board.scene.chosenObjects;
  if (object && canTake(object)) return object;
  const under = board.scene.objects.filter((each) => canTake(each) && at(bitmapOfShape(each.shape), point.x, point.y));
  return under.at(-1) ?? null;
}

/** What a tool adds to or takes from: the pixels there are. @param {Board} board @returns {Bitmap | null} */
export function paintedPixels(board) {
  if (isSemantic(board)) return semanticOf(board).current().bitmap(board.category);
  const target = targetOf(board);
  return target && bitmapOfShape(target.shape);
}

/**
 * One step: pixels are added or taken away.
 * @param {Board} board @param {Bitmap} bitmap beyond the image nothing is painted
 * @param {{name: string, takes?: boolean, from?: import("./types.js").Point}} how takes: away; from: where the gesture
 *   began, to find what is taken from
 * @returns {boolean} false: nothing changed, and it was said why
 */
export function paint(board, bitmap, { name, takes = false, from = { x: 0, y: 0 } }) {
  const inside = onFrame(bitmap, shared(bitmap, frameOf(board)));
  if (!area(inside)) return nothing(board, "nothing_painted");
  if (isSemantic(board)) {
    const done = semanticOf(board).paint(inside, takes ? null : board.category, name);
    board.sayThat(done ? (takes ? "erased" : "painted") : "nothing_painted", { name: board.spoken.nameOf(board.category) });
    return done;
  }
  const object = takes ? erasedOf(board, from) : targetOf(board);
  if (!object) return takes ? nothing(board, "nothing_to_erase") : begin(board, inside, name);
  const before = bitmapOfShape(object.shape);
  const after = takes ? subtract(before, inside) : union(before, inside);
  if (area(after) === area(before)) return nothing(board, "nothing_painted");
  const shape = shapeOfBitmap(after, object.shape.polygon && board.task === "polygons" ? "polygon" : "mask");
  if (shape) {
    board.scene.change(object.key, { shape }, name);
    board.sayObject("changed", board.scene.get(object.key));
  } else {
    board.scene.remove([object.key], name);
    board.sayThat("removed", { n: 1 });
  }
  return true;
}

function begin(board, bitmap, name) {
  const shape = shapeOfBitmap(bitmap, kindOf(board));
  let key = "";
  board.scene.step(name, (scene) => {
    key = scene.add({ category: board.category, shape });
    scene.choose([key]);
  });
  board.sayObject("added", board.scene.get(key));
  return true;
}

function nothing(board, why) {
  board.sayThat(why);
  return false;
}
