// Painting where a pixel has one class: the scene holds one mask for each class, and what one class gains the others
// lose in the same step. The class map is only a working form of what the scene holds: after a step back, or another
// image, those classes whose shape is another one now are read again.

import { ClassMap } from "./classmap.js";
import { bitmapOfShape, shapeOfBitmap } from "./shapebits.js";

/** @typedef {import("./types.js").DrawnObject} DrawnObject */

export class Semantic {
  /** @param {import("./scene.js").Scene} scene @param {{width: number, height: number}} image */
  constructor(scene, image) {
    this.scene = scene;
    this.image = image;
    this.map = new ClassMap(image.width, image.height);
    /** @type {Map<number, object[]>} per class the shapes that the map holds */
    this.held = new Map();
    /** Classes whose objects are not what the map says: something else was laid over them, or they are several. */
    this.stale = new Set();
  }

  /** Bring the map to what the scene has. @returns {ClassMap} */
  current() {
    const shapes = new Map();
    for (const { category, shape, open } of this.scene.objects) {
      if (open) continue;
      if (!shapes.has(category)) shapes.set(category, []);
      shapes.get(category).push(shape);
    }
    const isHeld = (category) => {
      const [a, b] = [this.held.get(category) ?? [], shapes.get(category) ?? []];
      return a.length === b.length && a.every((shape, i) => shape === b[i]);
    };
    const changed = [...new Set([...this.held.keys(), ...shapes.keys()])].filter((category) => !isHeld(category));
    // All of them first: what one class lost, another may have by now.
    for (const category of changed) this.map.clear(category);
    for (const category of changed) {
      const own = shapes.get(category) ?? [];
      if (own.length > 1 || own.some(({ mask }) => !mask)) this.stale.add(category);
      for (const shape of own) {
        for (const id of this.map.write(bitmapOfShape(shape), category)) if (id !== category) this.stale.add(id);
      }
    }
    this.held = shapes;
    return this.map;
  }

  /** @returns {number | null} the class of a pixel of the image */
  at(x, y) {
    return this.current().at(x, y);
  }

  /**
   * One step: these pixels belong to a class now, and to no other.
   * @param {import("./rle.js").Bitmap} bitmap @param {number | null} category null: to none (void)
   * @param {string} name of the step @returns {boolean} false: nothing changed
   */
  paint(bitmap, category, name) {
    const map = this.current();
    const locked = new Set(this.scene.objects.filter((object) => object.locked).map((object) => object.category));
    const changed = map.write(bitmap, category, (id) => locked.has(id));
    if (!changed.size) return false;
    return this.scene.step(name, () => new Set([...changed, ...this.stale]).forEach((id) => this.keep(id)));
  }

  /**
   * After a step that knows nothing of one class a pixel (a polygon, a move, a duplicate, another class): what lies on top
   * takes the pixels, and each class is one mask again. It belongs to that step.
   * @returns {boolean} false: there was nothing to settle
   */
  settle() {
    this.current();
    if (!this.stale.size || this.scene.isInStep) return false;
    const [before, last] = [this.scene.past.at(-2) ?? null, this.scene.mark];
    this.scene.step("settle", () => [...this.stale].forEach((id) => this.keep(id)));
    if (last) this.scene.fold(before, last.name);
    return true;
  }

  /** The mask of a class anew, in one object of the scene. */
  keep(category) {
    const [first, ...more] = this.scene.objects.filter((object) => object.category === category && !object.open);
    const shape = shapeOfBitmap(this.map.bitmap(category), "mask");
    if (first && shape) this.scene.change(first.key, { shape });
    else if (first) this.scene.remove([first.key]);
    else if (shape) this.scene.add({ category, shape });
    if (more.length) this.scene.remove(more.map(({ key }) => key));
    this.held.set(category, shape ? [shape] : []);
    this.stale.delete(category);
  }
}

/** @type {WeakMap<object, Semantic>} */
const maps = new WeakMap();

/** The map of the image that a board shows. @param {import("./board.js").Board} board @returns {Semantic} */
export function semanticOf(board) {
  let semantic = maps.get(board);
  if (semantic?.image !== board.image || semantic.scene !== board.scene) maps.set(board, (semantic = new Semantic(board.scene, board.image)));
  return semantic;
}
