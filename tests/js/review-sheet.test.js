import { Sheet } from "/static/js/review/sheet.js";
import { equal, test } from "./harness.js";

const CAT = 1;
const DOG = 2;
const FOX = 3;

/** A page of `n` images that the model takes for cats. */
function sheetOf(n, { multi = false } = {}) {
  return new Sheet(Array.from({ length: n }, (_, place) => ({ image: { id: 100 + place }, category_ids: [CAT], probability: 0.9 })), { multi });
}

test("untouched, everything is confirmed as the model says", () => {
  const sheet = sheetOf(3);
  equal(sheet.counts, { confirm: 3, change: 0, back: 0 });
  equal(sheet.items(), [100, 101, 102].map((image) => ({ image, categories: [CAT] })));
  equal(sheet.isTouched, false);
});

test("a class changes the image in hand; the model's class takes that back", () => {
  const sheet = sheetOf(3);
  sheet.moveTo(1);
  sheet.choose(DOG);
  equal([sheet.counts, sheet.items()[1]], [{ confirm: 2, change: 1, back: 0 }, { image: 101, categories: [DOG] }]);
  sheet.choose(CAT);
  equal([sheet.counts, sheet.isTouched], [{ confirm: 3, change: 0, back: 0 }, false]);
});

test("sent back, sent back again: not, after all; a class instead of it", () => {
  const sheet = sheetOf(2);
  sheet.sendBack();
  equal([sheet.counts, sheet.items()[0]], [{ confirm: 1, change: 0, back: 1 }, { image: 100, answer: "back" }]);
  sheet.sendBack();
  equal(sheet.counts.back, 0);
  sheet.sendBack();
  sheet.choose(FOX);
  equal(sheet.counts, { confirm: 1, change: 1, back: 0 });
});

test("arrows walk six by three, and end at the edges", () => {
  const sheet = sheetOf(18);
  const walk = (...steps) => steps.map((direction) => (sheet.step(direction, 6), sheet.current));
  equal(walk("right", "down", "down", "down", "left", "up", "left", "left"), [1, 7, 13, 13, 12, 6, 5, 4]);
  equal(walk("last", "right", "first", "left", "up"), [17, 17, 0, 0, 0]);
});

test("down from a whole row into a short one ends at its last image", () => {
  const sheet = sheetOf(8);
  sheet.moveTo(5);
  sheet.step("down", 6);
  equal(sheet.current, 7);
  equal(sheet.step("down", 6), false);
});

test("a range is changed at once, and is one step to undo", () => {
  const sheet = sheetOf(9);
  sheet.moveTo(2);
  sheet.step("right", 6, { extend: true });
  sheet.step("right", 6, { extend: true });
  equal(sheet.marked, [2, 3, 4]);
  sheet.choose(DOG);
  equal([sheet.counts.change, sheet.marked], [3, [4]]);
  sheet.undo();
  equal([sheet.counts.change, sheet.current, sheet.undo()], [0, 4, false]);
});

test("a range goes upwards too, and sending it back is one act", () => {
  const sheet = sheetOf(9);
  sheet.moveTo(5);
  sheet.moveTo(2, { extend: true });
  sheet.sendBack();
  equal(sheet.counts, { confirm: 5, change: 0, back: 4 });
});

test("the mouse chooses what it is over, but not while something is marked or pinned", () => {
  const sheet = sheetOf(9);
  equal([sheet.hover(4), sheet.current], [true, 4]);
  sheet.pin(4);
  equal([sheet.hover(6), sheet.current, sheet.isPinned], [false, 4, true]);
  sheet.choose(DOG);
  equal([sheet.isPinned, sheet.hover(6)], [false, true]);
  sheet.moveTo(8, { extend: true });
  equal(sheet.hover(1), false);
  equal([sheet.unmark(), sheet.hover(1), sheet.unmark()], [true, true, false]);
});

test("a second click lets go again", () => {
  const sheet = sheetOf(3);
  sheet.pin(1);
  sheet.pin(1);
  equal([sheet.isPinned, sheet.current], [false, 1]);
});

test("with any number of classes a key switches one on or off, and none is an answer", () => {
  const sheet = sheetOf(3, { multi: true });
  sheet.choose(DOG);
  equal(sheet.items()[0].categories, [CAT, DOG]);
  sheet.choose(CAT);
  equal(sheet.items()[0].categories, [DOG]);
  sheet.chooseNone();
  equal(sheet.items()[0].categories, []);
  sheet.choose(CAT);
  equal(sheet.said[0], null, "what the model says, however it was reached");
});

test("over a range a class is switched on everywhere first", () => {
  const sheet = sheetOf(3, { multi: true });
  sheet.choose(DOG);
  sheet.moveTo(2, { extend: true });
  sheet.choose(DOG);
  equal(sheet.items().map(({ categories }) => categories), [[CAT, DOG], [CAT, DOG], [CAT, DOG]]);
  sheet.choose(DOG);
  equal(sheet.counts.change, 0);
});

test("of one class per image, none is no answer", () => {
  equal(sheetOf(1).chooseNone(), false);
});
