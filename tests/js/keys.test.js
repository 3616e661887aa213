import { actionFor, assignKeys, printed } from "/static/js/label/keys.js";
import { equal, test } from "./harness.js";

const classes = (n, keys = {}) => Array.from({ length: n }, (_, place) => ({ id: place + 1, name: `class ${place + 1}`, key: keys[place] ?? "", description: "" }));
const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });

test("the first nine classes have their digit, the next ones free letters", () => {
  const keys = assignKeys(classes(12));
  equal(keys.map(printed).join(""), "123456789ABD"); // C is taken: cannot tell
});

test("no class ever gets a reserved letter, and no two get the same key", () => {
  const keys = assignKeys(classes(40)).flat();
  equal(keys.filter((key) => "scfzg0".includes(key)), []);
  equal(new Set(keys).size, keys.length);
  equal(keys.length, 30); // 9 digits and 26 - 5 letters
});

test("a project's own key comes first, and the digit works as well", () => {
  const keys = assignKeys(classes(3, { 1: "R" }));
  equal(keys, [["1"], ["r", "2"], ["3"]]);
});

test("an own key that is reserved or taken falls back to the digit", () => {
  equal(assignKeys(classes(3, { 0: "s", 1: "x", 2: "x" })), [["1"], ["x", "2"], ["3"]]);
});

test("a class whose digit was given to another one gets a letter", () => {
  equal(assignKeys(classes(2, { 0: "2" })), [["2", "1"], ["a"]]);
});

test("digits choose by what was typed", () => {
  const keys = assignKeys(classes(5));
  equal(actionFor(press("3", { code: "Digit3" }), keys), { kind: "choose", index: 2 });
  equal(actionFor(press("3", { code: "Numpad3" }), keys), { kind: "choose", index: 2 });
  equal(actionFor(press("7", { code: "Digit7" }), keys), null, "no such class");
});

test("on AZERTY the digit row writes other signs and still chooses", () => {
  const keys = assignKeys(classes(5));
  equal(actionFor(press("&", { code: "Digit1" }), keys), { kind: "choose", index: 0 });
  equal(actionFor(press("1", { code: "Digit1", shiftKey: true }), keys), { kind: "choose", index: 0 });
});

test("a shifted sign of the digit row is that sign, not a digit", () => {
  equal(actionFor(press("!", { code: "Digit1", shiftKey: true }), assignKeys(classes(5))), null);
});

test("letters work on a Cyrillic layout", () => {
  equal(actionFor(press("ы", { code: "KeyS" }), assignKeys(classes(5))), { kind: "skip" });
});

test("a held key and keys with a modifier are not ours", () => {
  const keys = assignKeys(classes(5));
  for (const more of [{ repeat: true }, { ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }]) {
    equal(actionFor(press("1", { code: "Digit1", ...more }), keys), null, JSON.stringify(more));
  }
});

test("words have their keys", () => {
  const keys = assignKeys(classes(5));
  const kinds = ["s", "C", "z", "Backspace", "g", "Enter", "Escape", "?", "0", "q"].map((key) => actionFor(press(key), keys)?.kind ?? null);
  equal(kinds, ["skip", "cannot_tell", "undo", "undo", "guide", "enter", "leave", "help", "none", null]);
});
