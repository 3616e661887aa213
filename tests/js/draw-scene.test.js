import { Grid } from "/static/js/draw/grid.js";
import { Scene } from "/static/js/draw/scene.js";
import { allowedMove, areaOf, boundsOf, contains, fitted, movedShape } from "/static/js/draw/shapes.js";
import { equal, test } from "./harness.js";

const box = (x, y, width, height, more = {}) => ({ category: 1, box: [x, y, width, height], ...more });
const boxes = (scene) => scene.objects.map(({ shape }) => shape.box);

test("one step holds all that was done in it, and is taken back and done again as one", () => {
  const scene = new Scene();
  scene.load([box(0, 0, 5, 5)]);
  scene.step("two at once", () => {
    scene.add(box(1, 1, 2, 2));
    scene.add(box(2, 2, 2, 2));
  });
  equal(scene.objects.length, 3);
  equal(scene.undo(), "two at once");
  equal(boxes(scene), [[0, 0, 5, 5]]);
  equal(scene.redo(), "two at once");
  equal(boxes(scene), [[0, 0, 5, 5], [1, 1, 2, 2], [2, 2, 2, 2]]);
  equal(scene.redo(), null);
});

test("undo never crosses images", () => {
  const scene = new Scene();
  scene.load([]);
  scene.add(box(1, 1, 2, 2));
  scene.load([box(9, 9, 1, 1)]);
  equal(scene.undo(), null);
  equal(boxes(scene), [[9, 9, 1, 1]]);
});

test("a change after a step back forgets what could have been done again", () => {
  const scene = new Scene();
  scene.add(box(1, 1, 2, 2));
  scene.undo();
  scene.add(box(3, 3, 2, 2));
  equal(scene.redo(), null);
  equal(boxes(scene), [[3, 3, 2, 2]]);
});

test("a step that fails leaves everything as it was", () => {
  const scene = new Scene();
  scene.load([box(0, 0, 5, 5)]);
  let error = "";
  try {
    scene.step("broken", () => {
      scene.remove([scene.objects[0].key]);
      throw new Error("no");
    });
  } catch ({ message }) {
    error = message;
  }
  equal([error, boxes(scene), scene.undo()], ["no", [[0, 0, 5, 5]], null]);
});

test("history is bounded", () => {
  const scene = new Scene();
  for (let n = 0; n < 250; n += 1) scene.add(box(n, 0, 1, 1));
  let steps = 0;
  while (scene.undo()) steps += 1;
  equal([steps, scene.objects.length], [200, 50]);
});

test("points of a polygon become one step when it is closed", () => {
  const scene = new Scene();
  scene.add(box(0, 0, 1, 1), "before");
  const { mark } = scene;
  const key = scene.add({ category: 1, polygon: [[0, 0]], open: true }, "point");
  scene.change(key, { shape: { polygon: [[0, 0, 9, 0]] } }, "point");
  scene.change(key, { shape: { polygon: [[0, 0, 9, 0, 9, 9]] }, open: false }, "point");
  scene.fold(mark, "polygon");
  equal([scene.undo(), scene.undo(), scene.undo()], ["polygon", "before", null]);
});

test("what is still open is kept in the draft and not sent; what came from the pre-label says so", () => {
  const scene = new Scene();
  scene.load([box(1, 2, 3, 4, { from: 7, category: { id: 5, name: "Car" } }), { category: 1, polygon: [[0, 0, 1, 1]], open: true }]);
  equal(scene.toSend(), [{ category: 5, box: [1, 2, 3, 4], attributes: {}, from: 7 }]);
  equal(scene.toDraft()[1], { category: 1, polygon: [[0, 0, 1, 1]], attributes: {}, open: true });
});

test("order changes by places and stays within", () => {
  const scene = new Scene();
  scene.load([box(0, 0, 1, 1), box(1, 0, 1, 1), box(2, 0, 1, 1)]);
  scene.reorder(scene.objects[0].key, 5);
  equal(boxes(scene).map(([x]) => x), [1, 2, 0]);
  scene.undo();
  equal(boxes(scene).map(([x]) => x), [0, 1, 2]);
});

test("what was removed is no longer chosen, and is again when it comes back", () => {
  const scene = new Scene();
  const key = scene.add(box(0, 0, 1, 1));
  scene.choose([key]);
  scene.remove([key]);
  equal(scene.chosen, []);
  scene.undo();
  equal(scene.chosen, [key]);
});

test("a hole is outside, and its area is not counted", () => {
  const shape = { polygon: [[0, 0, 10, 0, 10, 10, 0, 10], [4, 4, 6, 4, 6, 6, 4, 6]] };
  equal(areaOf(shape), 96);
  equal([contains(shape, 2, 2), contains(shape, 5, 5), contains(shape, 11, 5)], [true, false, false]);
  const parts = { polygon: [[[0, 0, 2, 0, 2, 2]], [[8, 8, 9, 8, 9, 9]]] };
  equal(boundsOf(parts), { x: 0, y: 0, width: 9, height: 9 });
  equal(movedShape(parts, 1, 0).polygon, [[[1, 0, 3, 0, 3, 2]], [[9, 8, 10, 8, 10, 9]]], "the nesting stays");
});

test("a polygon in other bounds keeps its form", () => {
  const shape = fitted({ polygon: [[0, 0, 10, 0, 10, 20]] }, { x: 5, y: 5, width: 20, height: 10 });
  equal(shape.polygon, [[5, 5, 25, 5, 25, 15]]);
});

test("nothing is moved out of the image", () => {
  equal(allowedMove({ x: 10, y: 10, width: 20, height: 20 }, -50, 100, { width: 100, height: 100 }), [-10, 70]);
});

test("the grid finds what is near among thousands, and forgets what moved away", () => {
  const grid = new Grid({ width: 1000, height: 800 });
  const objects = Array.from({ length: 3000 }, (_, n) => ({ key: `k${n}`, shape: { box: [(n % 60) * 16, Math.floor(n / 60) * 16, 10, 10] } }));
  objects.push({ key: "all", shape: { box: [0, 0, 1000, 800] } });
  grid.update(objects);
  const at = (x, y) => grid.near(x, y, 1).map(({ key }) => key).sort();
  equal(at(165, 165), ["all", "k610"]); // row 10, column 10
  const moved = { ...objects[610], shape: { box: [980, 790, 5, 5] } };
  equal(grid.update(objects.with(610, moved)).length, 2, "where it was and where it is");
  equal([at(165, 165), at(982, 792)], [["all"], ["all", "k610"]]);
});
