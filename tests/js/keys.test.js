import { Keys, modeOf, printed, spelledKey } from "/static/js/label/keys.js";
import { equal, test } from "./harness.js";

const ACTIONS = { accept: "Enter", none: "0", skip: "s", cannot_tell: "c", flag: "f", undo: "z", guide: "g", zoom: "Space", full_screen: "Shift+f", adjust: "Shift+b", filter: "/", help: "?" };
const classes = (n, keys = {}) => Array.from({ length: n }, (_, place) => ({ id: place + 1, name: `class ${place + 1}`, key: keys[place] ?? "", description: "" }));
const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });

function keysFor(n, { lead = {}, multi = false, rtl = false, actions = {}, own = {}, single = true } = {}) {
  const keys = new Keys({ categories: classes(n, lead), multi, rtl });
  keys.set({ actions: { ...ACTIONS, ...actions }, own, single });
  return keys;
}
const kinds = (keys, ...names) => names.map((key) => keys.find(press(key))?.kind ?? null);

test("the number of classes decides how they are chosen", () => {
  equal([1, 2, 3, 9, 10].map((n) => modeOf({ categories: classes(n), multi: false })), ["few", "two", "few", "few", "many"]);
  equal([2, 10].map((n) => modeOf({ categories: classes(n), multi: true })), ["few", "many"]);
});

test("the first nine classes have their digit", () => {
  equal(keysFor(9).ofClass.flat().join(""), DIGITS);
});
const DIGITS = "123456789";

test("a project's own key comes first, and the digit works as well", () => {
  equal(keysFor(3, { lead: { 1: "R" } }).ofClass, [["1"], ["r", "2"], ["3"]]);
});

test("a person's own key comes before the project's", () => {
  equal(keysFor(3, { lead: { 1: "R", 2: "x" }, own: { 2: "ArrowUp", 1: "x" } }).ofClass, [["x", "1"], ["ArrowUp", "r", "2"], ["3"]]);
});

test("a class never takes the key of an action, nor of another class", () => {
  equal(keysFor(3, { lead: { 0: "s", 1: "x", 2: "x" } }).ofClass, [["1"], ["x", "2"], ["3"]]);
  equal(keysFor(3, { lead: { 0: "x" }, actions: { skip: "x" } }).ofClass[0], ["1"]);
  equal(keysFor(3, { lead: { 0: "2" } }).ofClass, [["2", "1"], [], ["3"]]);
});

test("two classes have the arrows, F and J, and their digits; the question has Q", () => {
  const keys = keysFor(2);
  equal(keys.ofClass, [["ArrowLeft", "f", "1"], ["ArrowRight", "j", "2"]]);
  equal([keys.actions.flag, ...kinds(keys, "q", "f")], ["q", "flag", "choose"]);
  equal(keysFor(2, { rtl: true }).ofClass[0], ["ArrowRight", "j", "1"], "where text runs to the left");
});

test("two classes leave a key alone that the person gave to something else", () => {
  const keys = keysFor(2, { actions: { skip: "j", flag: "w" } });
  equal([keys.ofClass[1], ...kinds(keys, "j", "w", "q")], [["ArrowRight", "2"], "skip", "flag", null]);
});

test("two classes of which any number may be there are switched like others", () => {
  equal(keysFor(2, { multi: true }).ofClass, [["1"], ["2"]]);
});

test("digits choose by what was typed", () => {
  const keys = keysFor(5);
  equal(keys.find(press("3", { code: "Digit3" })), { kind: "choose", index: 2 });
  equal(keys.find(press("3", { code: "Numpad3" })), { kind: "choose", index: 2 });
  equal(keys.find(press("7", { code: "Digit7" })), null, "no such class");
});

test("on AZERTY the digit row writes other signs and still chooses", () => {
  const keys = keysFor(5);
  equal(keys.find(press("&", { code: "Digit1" })), { kind: "choose", index: 0 });
  equal(keys.find(press("1", { code: "Digit1", shiftKey: true })), { kind: "choose", index: 0 });
});

test("a shifted sign of the digit row is that sign, not a digit", () => {
  equal(keysFor(5).find(press("!", { code: "Digit1", shiftKey: true })), null);
});

test("letters work on a Cyrillic layout", () => {
  equal(keysFor(5).find(press("ы", { code: "KeyS" })), { kind: "skip" });
});

test("a held key and keys with a modifier are not ours", () => {
  for (const more of [{ repeat: true }, { ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }]) {
    equal(keysFor(5).find(press("1", { code: "Digit1", ...more })), null, JSON.stringify(more));
  }
});

test("AltGr writes a sign, it is no Alt", () => {
  const keys = keysFor(5, { actions: { skip: "@" } });
  equal(keys.find(press("@", { code: "KeyQ", ctrlKey: true, altKey: true, getModifierState: (name) => name === "AltGraph" })), { kind: "skip" });
});

test("actions have their keys; none belongs to multi-label, the filter to many classes", () => {
  const names = ["s", "C", "z", "Backspace", "g", "Enter", "Escape", "?", "f", " ", "0", "/", "q"];
  equal(kinds(keysFor(5), ...names), ["skip", "cannot_tell", "undo", "undo", "guide", "accept", "leave", "help", "flag", "zoom", null, null, null]);
  equal(kinds(keysFor(5, { multi: true }), "0", "/"), ["none", null]);
  equal(kinds(keysFor(12), "0", "/"), [null, "filter"]);
});

test("Shift makes another key of a letter", () => {
  equal(["f", "s"].map((key) => keysFor(5).find(press(key.toUpperCase(), { shiftKey: true }))?.kind ?? null), ["full_screen", null]);
});

test("remapped keys do the new thing and no longer the old one", () => {
  const keys = keysFor(5, { actions: { skip: "x", accept: "Space", zoom: "Alt+z" } });
  equal(kinds(keys, "x", "s", " ", "Enter"), ["skip", null, "accept", null]);
  equal([keys.find(press("z", { altKey: true }))?.kind, keys.print(keys.actions.zoom)], ["zoom", "Alt+Z"]);
});

test("switched off, a character acts with Alt only, and what is no character as before", () => {
  const keys = keysFor(5, { single: false });
  equal(kinds(keys, "1", "s", "?", "Enter", "Escape", "Backspace"), [null, null, null, "accept", "leave", "undo"]);
  equal(["1", "s", "?"].map((key) => keys.find(press(key, { altKey: true }))?.kind), ["choose", "skip", "help"]);
  equal(keys.find(press("ß", { altKey: true, code: "KeyS" }))?.kind, "skip", "Option+S on a Mac");
  equal([keys.print("s"), keys.print("Enter"), keys.aria("s"), keys.aria("Space")], ["Alt+S", "↵", "Alt+S", "Space"]);
});

test("with many classes digits pick from the list, letters are typed, and letters with Alt act", () => {
  const keys = keysFor(12, { lead: { 11: "r" } });
  equal(keys.find(press("2")), { kind: "pick", index: 1 });
  equal([keys.find(press("s")), keys.types(press("s")), keys.types(press("2")), keys.types(press("?"))], [null, true, false, false]);
  equal(["s", "r"].map((key) => keys.find(press(key, { altKey: true }))), [{ kind: "skip" }, { kind: "choose", index: 11 }]);
  equal([keys.print("s"), keys.print("?")], ["Alt+S", "?"]);
  equal(keys.find(press("é", { code: "Digit2" })), { kind: "pick", index: 1 }, "AZERTY");
  equal(keysFor(12, { single: false }).types(press("s")), false);
});

test("a digit is the number of a reason, on every keyboard", () => {
  const keys = keysFor(5);
  equal([press("2"), press("é", { code: "Digit2" }), press("0"), press("x"), press("2", { repeat: true }), press("2", { altKey: true })].map((event) => keys.digit(event)), [2, 2, null, null, null, null]);
  equal([press("2"), press("2", { altKey: true })].map((event) => keysFor(5, { single: false }).digit(event)), [null, 2]);
});

test("a key as it is stored and as it is printed", () => {
  const stored = [press("S", { shiftKey: true }), press(" "), press("?", { shiftKey: true }), press("ArrowUp", { altKey: true }), press("é", { code: "Digit2" })].map(spelledKey);
  equal(stored, ["Shift+s", "Space", "?", "Alt+ArrowUp", "2"]);
  equal([press("Shift", { shiftKey: true }), press("Escape"), press("c", { ctrlKey: true })].map(spelledKey), [null, null, null]);
  equal(["s", "Space", "Alt+x", "+", "Alt++", "Shift+Enter"].map(printed), ["S", "Space", "Alt+X", "+", "Alt++", "Shift+↵"]);
});
