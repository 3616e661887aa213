import { area, filled, union } from "/static/js/draw/bitmap.js";
import { paint } from "/static/js/draw/painting.js";
import { Scene } from "/static/js/draw/scene.js";
import { Semantic } from "/static/js/draw/semantic.js";
import { bitmapOfShape, shapeOfBitmap } from "/static/js/draw/shapebits.js";
import { equal, test } from "./harness.js";

const rect = (x, y, width, height) => filled({ x, y, width, height });
const [SKY, ROAD, TREE] = [7, 8, 9];
const pixels = (scene) => Object.fromEntries(scene.objects.map(({ category, shape }) => [category, area(bitmapOfShape(shape))]));

function fresh() {
  const scene = new Scene();
  return { scene, semantic: new Semantic(scene, { width: 40, height: 30 }) };
}

test("what one class gains the others lose, in one step", () => {
  const { scene, semantic } = fresh();
  semantic.paint(rect(0, 0, 40, 10), SKY, "brush");
  semantic.paint(rect(0, 5, 20, 10), ROAD, "brush");
  equal(pixels(scene), { [SKY]: 400 - 100, [ROAD]: 200 });
  equal([semantic.at(5, 7), semantic.at(30, 7), semantic.at(5, 25)], [ROAD, SKY, null]);
  equal(scene.toSend().map(({ mask }) => mask.offset), [[0, 0], [0, 5]]);
  scene.undo();
  equal(pixels(scene), { [SKY]: 400 });
  equal(semantic.at(5, 7), SKY, "the map follows the step back");
  scene.redo();
  equal(semantic.at(5, 7), ROAD);
});

test("a class whose last pixel is taken is no object any more, and void is no class", () => {
  const { scene, semantic } = fresh();
  semantic.paint(rect(2, 2, 4, 4), TREE, "brush");
  semantic.paint(rect(0, 0, 10, 10), SKY, "brush");
  equal(pixels(scene), { [SKY]: 100 });
  semantic.paint(rect(0, 0, 10, 5), null, "erase");
  equal(pixels(scene), { [SKY]: 50 });
  equal(semantic.at(1, 1), null);
  equal(semantic.paint(rect(0, 0, 10, 5), null, "erase"), false, "nothing there any more: no step");
});

test("a locked class keeps its pixels", () => {
  const { scene, semantic } = fresh();
  semantic.paint(rect(0, 0, 10, 10), SKY, "brush");
  scene.change(scene.objects[0].key, { locked: true });
  semantic.paint(rect(5, 0, 10, 10), ROAD, "brush");
  equal(pixels(scene), { [SKY]: 100, [ROAD]: 50 });
  equal(semantic.paint(rect(0, 20, 5, 5), SKY, "brush"), false);
});

test("what came with the image is painted over, and becomes one mask", () => {
  const { scene, semantic } = fresh();
  scene.load([{ category: SKY, polygon: [[0, 0, 10, 0, 10, 10, 0, 10]] }, { category: SKY, box: [20, 0, 5, 5] }]);
  semantic.paint(rect(0, 0, 1, 1), ROAD, "brush");
  equal(pixels(scene), { [SKY]: 99 + 25, [ROAD]: 1 });
});

test("what other tools lay over classes is settled within their step", () => {
  const image = { width: 40, height: 30 };
  let semantic;
  const scene = new Scene((_, what) => what === "step" && semantic.settle());
  semantic = new Semantic(scene, image);
  semantic.paint(rect(0, 0, 10, 10), SKY, "brush");
  semantic.paint(rect(20, 0, 10, 10), ROAD, "brush");
  const [sky] = scene.objects;
  scene.step("duplicate", () => scene.add({ category: ROAD, shape: { polygon: [[5, 0, 15, 0, 15, 10, 5, 10]] } }));
  equal(pixels(scene), { [SKY]: 50, [ROAD]: 200 });
  equal(scene.objects.every(({ shape }) => shape.mask), true);
  equal(scene.past.map(({ name }) => name), ["brush", "brush", "duplicate"]);
  scene.undo();
  equal(pixels(scene), { [SKY]: 100, [ROAD]: 100 });
  scene.change(sky.key, { category: ROAD }, "class");
  equal(pixels(scene), { [ROAD]: 200 });
  scene.undo();
  equal([pixels(scene), semantic.at(0, 0)], [{ [SKY]: 100, [ROAD]: 100 }, SKY]);
});

test("three hundred classes fit", () => {
  const { scene, semantic } = fresh();
  for (let n = 0; n < 300; n += 1) semantic.paint(rect(n % 40, Math.floor(n / 40), 1, 1), 1000 + n, "brush");
  equal(scene.objects.length, 300);
  equal([semantic.at(0, 0), semantic.at(19, 7)], [1000, 1299]);
});

/** As much of a board as painting asks for. */
function boardWith(task, scene = new Scene()) {
  const said = [];
  return {
    ...{ task, scene, said, category: SKY, image: { width: 40, height: 30 }, spoken: { nameOf: String } },
    sayThat: (name) => said.push(name),
    sayObject: (name) => said.push(name),
  };
}

test("paint goes into the chosen object of the class, otherwise a new one begins", () => {
  const board = boardWith("masks");
  paint(board, rect(30, 20, 20, 20), { name: "brush" });
  equal(board.scene.objects[0].shape.mask.size, [10, 10], "cut off at the image");
  paint(board, rect(25, 20, 10, 10), { name: "brush" });
  equal([board.scene.objects.length, area(bitmapOfShape(board.scene.objects[0].shape))], [1, 150]);
  board.category = ROAD;
  paint(board, rect(0, 0, 5, 5), { name: "brush" });
  equal(board.scene.objects.map(({ category }) => category), [SKY, ROAD]);
  equal(board.said, ["added", "changed", "added"]);
  equal(board.scene.past.length, 3, "each stroke one step");
});

test("what is erased to nothing is gone, and nothing is said to be nothing", () => {
  const board = boardWith("masks");
  equal(paint(board, rect(0, 0, 5, 5), { name: "erase", takes: true, from: { x: 1, y: 1 } }), false);
  paint(board, rect(0, 0, 10, 10), { name: "brush" });
  board.scene.choose([]);
  paint(board, rect(0, 0, 5, 10), { name: "erase", takes: true, from: { x: 1, y: 1 } });
  equal(area(bitmapOfShape(board.scene.objects[0].shape)), 50);
  paint(board, rect(0, 0, 40, 30), { name: "erase", takes: true, from: { x: 6, y: 6 } });
  equal(board.scene.objects.length, 0);
  equal(board.said, ["nothing_to_erase", "added", "changed", "removed"]);
});

test("in a project of polygons paint gives polygons, of several parts where it is in pieces", () => {
  const board = boardWith("polygons");
  paint(board, rect(2, 3, 10, 5), { name: "brush" });
  equal(board.scene.objects[0].shape, { polygon: [[2, 3, 12, 3, 12, 8, 2, 8]] });
  paint(board, rect(20, 3, 5, 5), { name: "brush" });
  equal(board.scene.objects[0].shape.polygon.map((part) => part.length), [1, 1]);
  const back = bitmapOfShape(board.scene.objects[0].shape);
  equal(area(back), 75);
  equal(shapeOfBitmap(union(rect(0, 0, 2, 2), rect(1, 1, 0, 0)), "mask").mask.size, [2, 2]);
});
