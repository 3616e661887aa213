import { decode, encode, runsToString, stringToRuns } from "/static/js/draw/rle.js";
import { equal, test } from "./harness.js";

// Written by pycocotools 2.0.11 from what `inside` says of each pixel.
const KNOWN = [
  ["three pixels", [3, 4], (x, y) => (x === 0 && y === 0) || (y === 2 && (x === 1 || x === 2)), "0140N01"],
  [
    "an ellipse",
    [40, 60],
    (x, y) => ((x - 30) / 28) ** 2 + ((y - 20) / 18) ** 2 <= 1,
    "T31S18J4L4M2N2N2O0O2N2O0O2O0O2O000O2O000O2O000000000000000O20N10000000000000001N10001N10001N101N101N2N101N2N2N3L4L6Hh0",
  ],
  [
    "a ring",
    [40, 60],
    (x, y) => Math.hypot(x - 20, y - 20) <= 15 && Math.hypot(x - 20, y - 20) > 6,
    "l61R1:I4L4M2N2N2O0O2OBD0;NK04ON02O0000000000O030M0100000000001N021L052E0<>1N101N2N2N3L4L7Fam0",
  ],
  ["everything", [300, 400], () => true, "0PVe3"],
  ["long runs", [2000, 1500], (x, y) => (x === 3 && y >= 100 && y < 1900) || (x === 900 && y === 5), "dn5Xh1YSff1iWNahm]O"],
];

function drawn([height, width], inside) {
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) bits[y * width + x] = inside(x, y) ? 1 : 0;
  return { x: 0, y: 0, width, height, bits };
}

const same = (a, b) => a.every((bit, i) => bit === b[i]) && a.length === b.length;

/** Numbers that are the same in every run. */
function random(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

test("codes of pycocotools are read and written sign by sign", () => {
  for (const [name, size, inside, counts] of KNOWN) {
    const bitmap = drawn(size, inside);
    equal(same(decode({ size, counts }).bits, bitmap.bits), true, name);
    equal(runsToString(stringToRuns(counts)), counts, name);
  }
  equal(encode(drawn([300, 400], () => true)), { size: [300, 400], counts: "0PVe3", offset: [0, 0] });
  equal(encode(drawn([3, 4], KNOWN[0][2])).counts, "0140N0"); // 0 1 4 1 2 1: the empty last column is cropped
});

test("a mask comes back from its code in its place, whatever its form", () => {
  const next = random(7);
  for (let round = 0; round < 60; round += 1) {
    const [width, height] = [1 + Math.floor(next() * 40), 1 + Math.floor(next() * 40)];
    const share = next();
    const bitmap = { ...drawn([height, width], () => next() < share), x: 11, y: 5 };
    const mask = encode(bitmap);
    const set = bitmap.bits.reduce((sum, bit) => sum + bit, 0);
    if (!mask) {
      equal(set, 0);
      continue;
    }
    const back = decode(mask);
    equal(back.bits.reduce((sum, bit) => sum + bit, 0), set);
    for (let y = 0; y < back.height; y += 1) {
      for (let x = 0; x < back.width; x += 1) {
        const there = bitmap.bits[(back.y - 5 + y) * width + back.x - 11 + x];
        equal(back.bits[y * back.width + x], there);
      }
    }
  }
});

test("the crop is tight and knows where it lies", () => {
  const mask = encode({ ...drawn([20, 30], (x, y) => x >= 4 && x < 9 && y >= 7 && y < 10), x: 100, y: 50 });
  equal([mask.size, mask.offset], [[3, 5], [104, 57]]);
});

test("an empty bitmap has no mask", () => {
  equal(encode(drawn([5, 5], () => false)), null);
});

test("a list of runs is taken, too", () => {
  equal([...decode({ size: [2, 2], counts: [1, 2, 1] }).bits], [0, 1, 1, 0]);
});

test("a code that is none is refused with a sentence", () => {
  const message = (mask) => {
    try {
      decode(mask);
      return "";
    } catch (error) {
      return error.message;
    }
  };
  equal(message({ size: [3, 3], counts: "0PVe3" }), "The run-length code has 120000 pixels, its size 9.");
  equal(message({ size: [3, 3], counts: "0 1" }), "The run-length code is broken at sign 2.");
  equal(message({ size: [3, 3], counts: "0P" }), "The run-length code is broken at sign 3.");
});
