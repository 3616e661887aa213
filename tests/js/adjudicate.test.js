import { actionFor, keyOf, keysOf, printed } from "/static/js/adjudicate/keys.js";
import { equal, test } from "./harness.js";

const classes = (n, keys = {}) => Array.from({ length: n }, (_, place) => ({ id: place + 1, key: keys[place] ?? "" }));
const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });
const kindOf = (keys, key, more) => actionFor(press(key, more), keys)?.kind;

test("a class has its digit, its project's key and the person's own, the actions their letters", () => {
  const keys = keysOf({ categories: classes(3, { 1: "R" }), own: { 3: "x" } });
  equal(actionFor(press("2"), keys), { kind: "choose", index: 1 });
  equal(actionFor(press("r"), keys), { kind: "choose", index: 1 });
  equal(actionFor(press("x"), keys), { kind: "choose", index: 2 });
  equal(keys.classes.map(([first]) => printed(first)).join(""), "1RX");
  for (const [key, kind] of [["d", "undecidable"], ["j", "next"], ["k", "before"], ["w", "why"], ["z", "undo"], ["Enter", "go"], ["0", "none"], [" ", "zoom"]]) {
    equal(kindOf(keys, key), kind, key);
  }
});

test("an action whose letter is a class's is called with Shift, and prints so", () => {
  const keys = keysOf({ categories: classes(2, { 0: "d" }) });
  equal(actionFor(press("d"), keys), { kind: "choose", index: 0 });
  equal(kindOf(keys, "D", { shiftKey: true }), "undecidable");
  equal(printed(keys.actions.undecidable), "⇧D");
  equal(printed(keys.actions.next), "J");
});

test("of more than nine classes digits choose among the first ones shown, letters stay with their class", () => {
  const keys = keysOf({ categories: classes(40, { 20: "r" }), own: { 5: "4" } });
  equal(actionFor(press("3"), keys), { kind: "pick", index: 2 });
  equal(actionFor(press("r"), keys), { kind: "choose", index: 20 });
  equal(actionFor(press("4"), keys), { kind: "choose", index: 4 }); // that digit is somebody's own
  equal([keyOf(0, 33, keys), keyOf(3, 20, keys), keyOf(12, 0, keys), keyOf(30, 39, keys)], ["1", "r", "a", undefined]);
});

test("every action keeps a key of its own beside the letters of many classes", () => {
  const keys = keysOf({ categories: classes(40) });
  const all = [...keys.classes.flat(), ...Object.values(keys.actions)];
  equal(new Set(all).size, all.length);
  equal(kindOf(keys, "j"), "next");
});

test("undo has the key that the person gave it", () => {
  const keys = keysOf({ categories: classes(3), actions: { undo: "Backspace", none: "Alt+n", accept: "Enter" } });
  equal(kindOf(keys, "Backspace"), "undo");
  equal(kindOf(keys, "z"), undefined);
  equal(kindOf(keys, "n", { altKey: true }), "none");
});

test("where single keys are off a character acts with Alt only, and its button says so", () => {
  const keys = keysOf({ categories: classes(3), single: false });
  equal([kindOf(keys, "1"), kindOf(keys, "d"), kindOf(keys, "+")], [undefined, undefined, undefined]);
  equal([kindOf(keys, "1", { altKey: true }), kindOf(keys, "d", { altKey: true })], ["choose", "undecidable"]);
  equal(kindOf(keys, "Enter"), "go");
  equal([printed("1", keys), printed("Enter", keys)], ["Alt+1", "↵"]);
});

test("a capital where nothing is taken does nothing, nor does a held key or one of the browser's own", () => {
  const keys = keysOf({ categories: classes(3) });
  equal(kindOf(keys, "D", { shiftKey: true }), undefined);
  equal(kindOf(keys, "1", { repeat: true }), undefined);
  equal(kindOf(keys, "d", { ctrlKey: true }), undefined);
  equal(kindOf(keys, "w", { metaKey: true }), undefined);
  equal(kindOf(keys, "d", { altKey: true }), undefined);
});

test("digits of a French keyboard and letters of a Cyrillic one are known by their place", () => {
  const keys = keysOf({ categories: classes(3) });
  equal(actionFor(press("&", { code: "Digit1" }), keys), { kind: "choose", index: 0 });
  equal(kindOf(keys, "о", { code: "KeyJ" }), "next");
});

test("arrows move a zoomed image", () => {
  equal(actionFor(press("ArrowLeft"), keysOf({ categories: classes(1) })), { kind: "pan", by: [-1, 0] });
});
