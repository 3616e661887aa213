import { actionFor, keysOf, printed } from "/static/js/adjudicate/keys.js";
import { equal, test } from "./harness.js";

const classes = (n, keys = {}) => Array.from({ length: n }, (_, place) => ({ id: place + 1, key: keys[place] ?? "" }));
const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });

test("a class has the key of the labeling screen, the actions their letters", () => {
  const keys = keysOf(classes(3));
  equal(actionFor(press("2"), keys), { kind: "choose", index: 1 });
  for (const [key, kind] of [["d", "undecidable"], ["j", "next"], ["k", "before"], ["w", "why"], ["z", "undo"], ["Enter", "go"], ["0", "none"], [" ", "zoom"]]) {
    equal(actionFor(press(key), keys), { kind }, key);
  }
});

test("an action whose letter is a class's is called with Shift, and prints so", () => {
  const keys = keysOf(classes(2, { 0: "d" }));
  equal(actionFor(press("d"), keys), { kind: "choose", index: 0 });
  equal(actionFor(press("D", { shiftKey: true }), keys), { kind: "undecidable" });
  equal(printed(keys.actions.undecidable), "⇧D");
  equal(printed(keys.actions.next), "J");
});

test("with so many classes that all letters are taken every action still has a key of its own", () => {
  const keys = keysOf(classes(40));
  const all = [...keys.classes.flat(), ...Object.values(keys.actions)];
  equal(new Set(all).size, all.length);
  equal(actionFor(press("J", { shiftKey: true }), keys), { kind: "next" });
});

test("a capital where nothing is taken does nothing", () => {
  equal(actionFor(press("D", { shiftKey: true }), keysOf(classes(2))), null);
});

test("a held key and the browser's own do nothing", () => {
  const keys = keysOf(classes(3));
  equal(actionFor(press("1", { repeat: true }), keys), null);
  equal(actionFor(press("d", { ctrlKey: true }), keys), null);
  equal(actionFor(press("w", { metaKey: true }), keys), null);
});

test("digits of a French keyboard and letters of a Cyrillic one are known by their place", () => {
  const keys = keysOf(classes(3));
  equal(actionFor(press("&", { code: "Digit1" }), keys), { kind: "choose", index: 0 });
  equal(actionFor(press("о", { code: "KeyJ" }), keys), { kind: "next" });
});

test("arrows move a zoomed image", () => {
  equal(actionFor(press("ArrowLeft"), keysOf(classes(1))), { kind: "pan", by: [-1, 0] });
});
