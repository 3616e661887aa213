import { levelFor, visible } from "/static/js/draw/tiles.js";
import { isTiled } from "/static/js/label/zoom.js";
import { equal, test } from "./harness.js";

// 5000 x 3000: as api/files.py answers.
const LEVELS = [
  { level: 0, width: 5000, height: 3000, columns: 10, rows: 6, scale: 1 },
  { level: 1, width: 2500, height: 1500, columns: 5, rows: 3, scale: 0.5 },
];
const BOX = { width: 1000, height: 600 };
const keys = (level, place) => visible(level, 512, place, BOX).map(({ key }) => key);

test("an image whose longer side is over 4,096 px has tiles", () => {
  equal([{ width: 4096, height: 4096 }, { width: 4097, height: 10 }, { width: 10, height: 9000 }].map(isTiled), [false, true, true]);
});

test("the smallest level with a pixel for each of the screen is taken, else full size", () => {
  equal([0.3, 0.5, 0.51, 1, 16].map((wanted) => levelFor(LEVELS, wanted).level), [1, 1, 0, 0, 0]);
});

test("only tiles in sight are taken, those in the middle first", () => {
  // The stage shows 1000 x 600 px of the image from 500, 500: columns 0 to 2, rows 0 to 2; the middle is 1000, 800.
  const found = keys(LEVELS[0], { scale: 1, x: -500, y: -500 });
  equal(found.length, 9);
  equal(found[0], "0/1/1");
  equal(keys(LEVELS[0], { scale: 16, x: -16 * 520, y: -16 * 520 }), ["0/1/1"]);
});

test("no tile lies outside of the image, and those at its edge are as large as what is left", () => {
  const all = visible(LEVELS[1], 512, { scale: 0.1, x: 100, y: 100 }, BOX);
  equal(all.length, 15);
  const corner = all.find(({ column, row }) => column === 4 && row === 2);
  equal([corner.x, corner.y, corner.width, corner.height], [4096, 2048, 904, 952]);
  equal(keys(LEVELS[0], { scale: 1, x: 2000, y: 0 }), [], "the image is out of sight");
});
