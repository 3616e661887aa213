import { crossingOf } from "/static/js/draw/crossing.js";
import { cutByLine } from "/static/js/draw/cutting.js";
import { intersect, unite } from "/static/js/draw/overlay.js";
import { areaOf } from "/static/js/draw/shapes.js";
import { addHole, edgeAt, insertVertex, moveEdge, moveVertex, removeVertex, stepVertex, vertexAt } from "/static/js/draw/vertices.js";
import { equal, test } from "./harness.js";

const square = (x, y, side) => [x, y, x + side, y, x + side, y + side, x, y + side];
const area = (parts) => Math.round(areaOf({ polygon: parts }) * 100) / 100;
const shape = (parts) => parts.map((part) => part.map((ring) => ring.length / 2));

test("two squares that overlap become one polygon of eight points", () => {
  const parts = unite([square(0, 0, 10)], [square(5, 5, 10)]);
  equal([shape(parts), area(parts)], [[[8]], 175]); // 100 + 100 - 25
  equal(area(intersect([square(0, 0, 10)], [square(5, 5, 10)])), 25);
});

test("which way round rings were drawn does not matter", () => {
  const other = [5, 5, 5, 15, 15, 15, 15, 5];
  equal(area(unite([square(0, 0, 10)], [other])), 175);
});

test("neighbours with a shared border become one without it", () => {
  const parts = unite([square(0, 0, 10)], [square(10, 0, 10)]);
  equal([shape(parts), area(parts)], [[[4]], 200]);
  const shifted = unite([square(0, 0, 10)], [square(10, 4, 10)]);
  equal([shape(shifted), area(shifted)], [[[8]], 200]);
});

test("a border that is off by rounding is shared all the same", () => {
  const slanted = [[0, 0, 10, 3.33, 10, 20, 0, 20]];
  const above = [[0, 0, 3.33, 1.11, 10, 3.33, 10, -5, 0, -5]]; // 1.11 is 1.10889 rounded
  equal(shape(unite(slanted, above)), [[4]]);
});

test("apart they stay two, touching in one point too", () => {
  equal(unite([square(0, 0, 10)], [square(30, 0, 10)]).length, 2);
  equal(unite([square(0, 0, 10)], [square(10, 10, 10)]).length, 2);
});

test("one inside of the other is the outer one, and twins are one", () => {
  equal(unite([square(0, 0, 10)], [square(2, 2, 3)]), [[square(0, 0, 10)]]);
  equal(area(unite([square(0, 0, 10)], [square(0, 0, 10)])), 100);
});

test("holes stay where nothing covers them, and two forks make one", () => {
  const ring = [square(0, 0, 10), square(3, 3, 4)];
  equal(area(unite(ring, [square(20, 0, 1)])), 85); // 100 - 16 + 1
  equal(area(unite(ring, [square(5, 3, 4)])), 92); // 84, and 2 × 4 of the hole is covered
  const left = [[0, 0, 10, 0, 10, 2, 2, 2, 2, 8, 10, 8, 10, 10, 0, 10]];
  const right = [[20, 0, 20, 10, 10, 10, 10, 8, 18, 8, 18, 2, 10, 2, 10, 0]];
  equal(shape(unite(left, right)), [[4, 4]]);
});

test("areas add up for two hundred random stars", () => {
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const star = () => {
    const [cx, cy] = [40 + 20 * random(), 40 + 20 * random()];
    const points = Array.from({ length: 11 }, (_, n) => [(n * 2 * Math.PI) / 11, 10 + 25 * random()]);
    return [points.flatMap(([angle, r]) => [cx + r * Math.cos(angle), cy + r * Math.sin(angle)].map((value) => Math.round(value * 100) / 100))];
  };
  for (let n = 0; n < 200; n += 1) {
    const [a, b] = [star(), star()];
    // Points within .02 of an edge are on it: over borders of some 300 pixels that is a few square pixels at most.
    const off = Math.abs(area(unite(a, b)) + area(intersect(a, b)) - area([a]) - area([b]));
    equal(off < 1, true, `pair ${n} is off by ${off}`);
  }
});

test("a line cuts a polygon in two, holes and all, and one beside it cuts nothing", () => {
  equal(cutByLine([square(0, 0, 10)], { x: 4, y: -1 }, { x: 4, y: 11 }).map((part) => area([part])).sort(), [40, 60]);
  const parts = cutByLine([square(0, 0, 10), square(4, 4, 2)], { x: -1, y: 5 }, { x: 11, y: 5 });
  equal(parts.map((part) => [area([part]), part.length]), [[48, 1], [48, 1]]);
  equal(cutByLine([square(0, 0, 10)], { x: 20, y: 0 }, { x: 20, y: 9 }).length, 1);
});

test("only what the drawn line crosses is cut", () => {
  const fork = [[0, 0, 10, 0, 10, 2, 2, 2, 2, 8, 10, 8, 10, 10, 0, 10]];
  equal(cutByLine(fork, { x: 5, y: -1 }, { x: 5, y: 11 }).map((part) => area([part])).sort(), [10, 10, 32]);
  const parts = cutByLine(fork, { x: 5, y: -1 }, { x: 5, y: 4 });
  equal(parts.map((part) => area([part])).sort(), [10, 42], "the other prong stays");
  equal(cutByLine([square(0, 0, 10), square(4, 4, 2)], { x: -1, y: 5 }, { x: 5, y: 5 }).length, 1, "a slit as far as the hole parts nothing");
});

test("a vertex is moved, added and deleted, and an edge takes both its ends along", () => {
  const polygon = [square(0, 0, 10), square(3, 3, 4)];
  equal(moveVertex(polygon, { ring: 1, place: 0 }, { x: 4, y: 4 })[1].slice(0, 2), [4, 4]);
  equal(moveEdge(polygon, { ring: 0, place: 3 }, -1, 0)[0], [-1, 0, 10, 0, 10, 10, -1, 10], "the last edge ends at the first point");
  equal(insertVertex(polygon, { ring: 0, place: 3 }, { x: 0, y: 5 })[0].slice(-2), [0, 5]);
  equal(removeVertex(polygon, { ring: 0, place: 0 })[0], [10, 0, 10, 10, 0, 10]);
  const triangle = [[0, 0, 9, 0, 9, 9], [4, 1, 8, 1, 8, 5]];
  equal(removeVertex(triangle, { ring: 1, place: 0 }), [[0, 0, 9, 0, 9, 9]], "a hole of three points goes");
  equal(removeVertex([triangle[0]], { ring: 0, place: 0 }), null);
});

test("a ring that crosses itself is told where, and a star of thousands of points quickly that it does not", () => {
  equal(crossingOf([0, 0, 10, 10, 10, 0, 0, 10]), { x: 5, y: 5 });
  equal(crossingOf(square(0, 0, 10)), null);
  const star = Array.from({ length: 12_000 }, (_, n) => {
    const [angle, r] = [((n >> 1) * Math.PI) / 3000, 400 + 50 * Math.sin((n >> 1) * 12.9898)];
    return n % 2 ? r * Math.sin(angle) : r * Math.cos(angle);
  });
  equal(crossingOf(star), null);
});

test("of several parts only the one that is meant changes", () => {
  const parts = [[square(0, 0, 5)], [square(20, 20, 10)]];
  equal(moveVertex(parts, { ring: 1, place: 0 }, { x: 19, y: 19 })[0], parts[0]);
  const holed = addHole(parts, square(22, 22, 2));
  equal(shape(holed), [[4], [4, 4]]);
});

test("a hole lies inside of its polygon and outside of other holes", () => {
  equal(addHole([square(0, 0, 10)], square(8, 8, 5)), null);
  equal(addHole([square(0, 0, 10), square(2, 2, 5)], square(3, 3, 2)), null);
});

test("the nearest vertex and edge are found, and Page Down goes through all rings", () => {
  const polygon = [square(0, 0, 10), square(3, 3, 4)];
  equal(vertexAt(polygon, { x: 3.4, y: 3.2 }, 1), { ring: 1, place: 0 });
  const { ring, place, along } = edgeAt(polygon, { x: 10.2, y: 2.5 }, 1);
  equal([ring, place, along], [0, 1, 0.25]);
  equal(stepVertex(polygon, { ring: 0, place: 3 }, 1), { spot: { ring: 1, place: 0 }, n: 5, total: 8 });
  equal(stepVertex(polygon, { ring: 1, place: 3 }, 1).n, 1);
});
