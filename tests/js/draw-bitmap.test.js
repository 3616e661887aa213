import { area, at, bounds, grow, intersect, subtract, union } from "/static/js/draw/bitmap.js";
import { borders, rasterised } from "/static/js/draw/outline.js";
import { crossing, polygonOf } from "/static/js/draw/polygonise.js";
import { components, holes, regionAround, withoutCrumbs, withoutHoles } from "/static/js/draw/regions.js";
import { signedArea } from "/static/js/draw/shapes.js";
import { withoutSpecks } from "/static/js/draw/specks.js";
import { equal, test } from "./harness.js";

/** Rows of signs, # is set. */
function drawing(rows, x = 0, y = 0) {
  const bits = Uint8Array.from(rows.join(""), (sign) => (sign === "#" ? 1 : 0));
  return { x, y, width: rows[0].length, height: rows.length, bits };
}

const shown = ({ width, height, bits }) =>
  Array.from({ length: height }, (_, y) =>
    Array.from(bits.subarray(y * width, (y + 1) * width), (bit) => (bit ? "#" : ".")).join(""),
  );

function disc(cx, cy, r, size = 64) {
  const bits = new Uint8Array(size * size);
  for (let i = 0; i < bits.length; i += 1) bits[i] = Math.hypot((i % size) - cx, Math.floor(i / size) - cy) <= r ? 1 : 0;
  return { x: 0, y: 0, width: size, height: size, bits };
}

function random(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

test("unite, take away and intersect, each in its own frame of the image", () => {
  const [a, b] = [drawing(["##", "##"], 1, 1), drawing(["##", "##"], 2, 2)];
  equal(shown(union(a, b)), ["##.", "###", ".##"]);
  equal(shown(subtract(a, b)), ["##", "#."]);
  equal(shown(intersect(a, b)), ["#"]);
  equal(bounds(intersect(a, b)), [2, 2, 1, 1]);
  equal(area(intersect(a, drawing(["#"], 9, 9))), 0);
  equal([at(a, 1.9, 1), at(a, 3, 1), at(a, 0, 0)], [1, 0, 0]);
});

test("two discs share what inclusion and exclusion says", () => {
  const [a, b] = [disc(32, 32, 15), disc(36, 36, 10)];
  equal(area(union(a, b)), area(a) + area(b) - area(intersect(a, b)));
  equal(area(subtract(a, b)), area(a) - area(intersect(a, b)));
});

test("a point grows to a disc, and back", () => {
  equal(shown(grow(drawing(["#"]), 2)), ["..#..", ".###.", "#####", ".###.", "..#.."]);
  equal(shown(grow(grow(drawing(["#"]), 2), -2)), [".....", ".....", "..#..", ".....", "....."]);
  equal(shown(grow(drawing(["###", "###", "###"]), -1)), ["...", ".#.", "..."], "beyond the frame nothing is set");
});

test("holes are filled, bays are not, and a diagonal wall is no way out", () => {
  const ring = drawing([".##.", "#..#", "#..#", ".##."]);
  equal(area(holes(ring)), 4, "set pixels that touch by a corner are a wall");
  const closed = drawing(["####.", "#..#.", "####.", "#.#.."]);
  equal(shown(withoutHoles(closed)), ["####.", "####.", "####.", "#.#.."]);
  equal(area(withoutHoles(closed, 1)), area(closed), "a hole of two pixels is larger than one");
});

test("specks are the holes that are small enough, however they lie", () => {
  const next = random(13);
  for (let round = 0; round < 60; round += 1) {
    const [width, height] = [3 + Math.floor(next() * 20), 3 + Math.floor(next() * 20)];
    const share = 0.5 + next() / 2;
    const bitmap = { x: 2, y: 1, width, height, bits: Uint8Array.from({ length: width * height }, () => (next() < share ? 1 : 0)) };
    const largest = 1 + Math.floor(next() * 6);
    equal(shown(withoutSpecks(bitmap, largest)), shown(withoutHoles(bitmap, largest)));
  }
});

test("parts come largest first, crumbs go", () => {
  const two = drawing(["#..##", "#..##", ".#..."], 10, 20);
  equal(components(two).map(bounds), [[13, 20, 2, 2], [10, 20, 1, 2], [11, 22, 1, 1]]);
  equal(shown(withoutCrumbs(two, 2)), ["#..##", "#..##", "....."]);
});

test("the region around a point knows whether it is closed", () => {
  const ring = drawing(["###", "#.#", "###"], 2, 2);
  const frame = { x: 0, y: 0, width: 8, height: 8 };
  const inner = regionAround(ring, frame, 3, 3);
  equal([bounds(inner.region), inner.closed], [[3, 3, 1, 1], true]);
  equal(regionAround(ring, frame, 0, 0).closed, false);
  equal(regionAround(ring, frame, 9, 0), null);
});

test("a polygon covers the pixels whose middle it covers", () => {
  equal(shown(rasterised([[1, 1, 4, 1, 4, 3, 1, 3]])), ["###", "###"]);
  equal(shown(rasterised([[0, 0, 4, 0, 0, 4]])), ["###.", "##..", "#...", "...."]);
  const [outer, hole] = [[0, 0, 5, 0, 5, 5, 0, 5], [1, 1, 4, 1, 4, 4, 1, 4]];
  equal(area(rasterised([outer, hole])), 25 - 9);
  equal(area(rasterised([outer, hole], "nonzero")), 25, "of the same direction: inside");
  equal(area(rasterised([outer, [1, 1, 1, 4, 4, 4, 4, 1]], "nonzero")), 25 - 9);
  equal(area(rasterised([])), 0);
});

test("the borders of a bitmap give its pixels back", () => {
  const next = random(11);
  for (let round = 0; round < 40; round += 1) {
    const [width, height] = [2 + Math.floor(next() * 12), 2 + Math.floor(next() * 12)];
    const bits = Uint8Array.from({ length: width * height }, () => (next() < 0.6 ? 1 : 0));
    bits[0] = bits[bits.length - 1] = 1;
    const bitmap = { x: 3, y: 4, width, height, bits };
    const rings = borders(bitmap);
    equal(rings.reduce((sum, ring) => sum + signedArea(ring), 0), area(bitmap));
    equal(shown(rasterised(rings)), shown(bitmap));
  }
});

test("a disc becomes a polygon of few points that is still the disc", () => {
  const round = disc(32, 32, 25);
  const [ring, ...rest] = polygonOf(round, 1);
  equal(rest, []);
  equal(ring.length / 2 < 40, true, `${ring.length / 2} points`);
  const back = rasterised([ring]);
  const iou = area(intersect(round, back)) / area(union(round, back));
  equal(iou > 0.96, true, `IoU ${iou}`);
});

test("a polygon keeps its hole, and no edge of it touches another", () => {
  const ring = subtract(disc(32, 32, 25), disc(32, 32, 10));
  const rings = polygonOf(ring, 1);
  equal(rings.length, 2);
  equal(crossing(rings), false);
  const next = random(5);
  for (let round = 0; round < 25; round += 1) {
    const bits = Uint8Array.from({ length: 900 }, () => (next() < 0.65 ? 1 : 0));
    const noisy = polygonOf({ x: 0, y: 0, width: 30, height: 30, bits }, 2);
    equal(crossing(noisy), false);
  }
});

test("crossing and folded edges are found", () => {
  equal(crossing([[0, 0, 4, 4, 4, 0, 0, 4]]), true);
  equal(crossing([[0, 0, 4, 0, 2, 0, 2, 3]]), true, "it runs back onto itself");
  equal(crossing([[0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 3, 1, 2, 5]]), true, "a hole that leaves its polygon");
  equal(crossing([[0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 3, 1, 2, 2]]), false);
});
