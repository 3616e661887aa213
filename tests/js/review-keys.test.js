import { GridKeys } from "/static/js/review/keys.js";
import { equal, test } from "./harness.js";

const ACTIONS = { undo: "z", help: "?", filter: "/", none: "0" };
const classes = (n, keys = {}) => Array.from({ length: n }, (_, place) => ({ id: place + 1, name: `class ${place + 1}`, key: keys[place] ?? "" }));
const keysOf = (options = {}) => new GridKeys({ categories: classes(5), multi: false, actions: ACTIONS, own: {}, single: true, ...options });
const press = (key, more = {}) => ({ key, code: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false, ...more });

test("digits choose classes, arrows move, X sends back, Enter confirms", () => {
  const keys = keysOf();
  equal(keys.wanted(press("2")), { kind: "choose", index: 1 });
  equal(keys.wanted(press("ArrowUp")), { kind: "step", direction: "up", extend: false });
  equal(keys.wanted(press("ArrowRight", { shiftKey: true })), { kind: "step", direction: "right", extend: true });
  equal(["x", "X", "Enter", " ", "z", "Backspace", "Escape"].map((key) => keys.wanted(press(key))?.kind), ["back", "back", "confirm", "enlarge", "undo", "undo", "leave"]);
  equal([keys.wanted(press("9")), keys.wanted(press("q")), keys.wanted(press("0"))], [null, null, null]);
});

test("a held key does nothing again, except that arrows go on", () => {
  const keys = keysOf();
  equal([keys.wanted(press("2", { repeat: true })), keys.wanted(press("Enter", { repeat: true }))], [null, null]);
  equal(keys.wanted(press("ArrowLeft", { repeat: true })).kind, "step");
});

test("a class is chosen by the person's own key, the project's, and its digit; never by one that moves or sends", () => {
  const keys = keysOf({ categories: classes(3, { 0: "r", 1: "x" }), own: { 3: "k", 2: "ArrowLeft" } });
  equal(["r", "1", "2", "k", "3"].map((key) => keys.wanted(press(key)).index), [0, 0, 1, 2, 2]);
  equal([keys.wanted(press("x")).kind, keys.wanted(press("ArrowLeft")).kind], ["back", "step"]);
  equal([0, 1, 2].map((index) => keys.printedFor(index)), ["R", "2", "K"]);
});

test("the person's own keys for undo hold here too", () => {
  const keys = keysOf({ actions: { ...ACTIONS, undo: "u" } });
  equal([keys.wanted(press("u")).kind, keys.wanted(press("z"))], ["undo", null]);
});

test("with single keys off letters and digits act with Alt only", () => {
  const keys = keysOf({ single: false });
  equal([keys.wanted(press("2")), keys.wanted(press("x")), keys.wanted(press("z"))], [null, null, null]);
  equal(keys.wanted(press("2", { altKey: true })), { kind: "choose", index: 1 });
  equal(keys.wanted(press("≈", { altKey: true, code: "KeyX" })).kind, "back");
  equal([keys.wanted(press("Enter")).kind, keys.wanted(press("ArrowDown")).kind], ["confirm", "step"]);
  equal(keys.printedFor(1), "Alt+2");
});

test("other layouts: digits of AZERTY without Shift, letters of Cyrillic by their place", () => {
  const keys = keysOf();
  equal(keys.wanted(press("é", { code: "Digit2" })), { kind: "choose", index: 1 });
  equal(keys.wanted(press("ч", { code: "KeyX" })).kind, "back");
});

test("what belongs to the browser is left to it", () => {
  const keys = keysOf();
  equal([keys.wanted(press("2", { ctrlKey: true })), keys.wanted(press("z", { metaKey: true })), keys.wanted(press("2", { altKey: true }))], [null, null, null]);
});

test("none is a key only where any number of classes is an answer", () => {
  equal(keysOf({ multi: true }).wanted(press("0")).kind, "none");
});
