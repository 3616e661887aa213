import { simplified, simplifiedRing } from "/static/js/draw/simplify.js";
import { follow, snapTo } from "/static/js/draw/snapping.js";
import { equal, test } from "./harness.js";

const square = [0, 0, 100, 0, 100, 100, 0, 100];
const objects = [{ shape: { polygon: [square] } }];

test("a drawn line keeps its corners and loses what lies between", () => {
  equal(simplified([0, 0, 5, 0.4, 10, 0, 10, 5, 10, 10], 0.5), [0, 0, 10, 0, 10, 10]);
  equal(simplified([0, 0, 5, 0.6, 10, 0], 0.5), [0, 0, 5, 0.6, 10, 0]);
});

test("no point of a simplified circle lies further off than allowed", () => {
  const ring = Array.from({ length: 720 }, (_, n) => (n % 2 ? Math.sin : Math.cos)((Math.floor(n / 2) * Math.PI) / 180) * 50);
  const less = simplifiedRing(ring, 0.5);
  // A chord of a circle of radius r over an angle a lies r (1 - cos(a / 2)) off: 0.5 of 50 allows 16 degrees, so 22.5 chords.
  equal(less.length / 2 >= 22 && less.length / 2 <= 45, true, `${less.length / 2} points`);
  equal(less.filter((_, n) => n % 2 === 0).every((x, n) => Math.abs(Math.hypot(x, less[2 * n + 1]) - 50) < 1e-9), true);
});

test("ten thousand points in a zigzag do not run out of stack", () => {
  const zigzag = Array.from({ length: 20_000 }, (_, n) => (n % 2 ? (n % 4) * 10 : n));
  equal(simplified(zigzag, 0.1).length, 20_000);
});

test("a vertex within reach comes before a nearer edge, and nothing beyond it", () => {
  equal(snapTo({ x: 95, y: 1 }, 8, objects), { x: 100, y: 0, ring: square, at: 1 });
  equal(snapTo({ x: 50, y: 3 }, 8, objects), { x: 50, y: 0, ring: square, at: 0.5 });
  equal(snapTo({ x: 50, y: 30 }, 8, objects), null);
});

test("a border is followed the shorter way round, or the longer, past the last point to the first", () => {
  equal(follow(square, 0.5, 1.5), [100, 0]);
  equal(follow(square, 1.5, 0.5), [100, 0]);
  equal(follow(square, 0.5, 1.5, true), [0, 0, 0, 100, 100, 100]);
  equal(follow(square, 3.5, 0.5), [0, 0]);
  equal(follow(square, 0.2, 0.8), [], "on one edge there is nothing between");
  equal(follow(square, 0, 2), [100, 0], "vertices themselves are not repeated");
});
