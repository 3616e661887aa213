import { assignKeys } from "/static/js/label/keys.js";
import { lookFor } from "/static/js/label/looks.js";
import { equal, test } from "./harness.js";

const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });
const kind = (key, more) => lookFor(press(key, more))?.kind ?? null;

test("each key has its look", () => {
  equal(["+", "=", "-", " ", "ArrowLeft", "b", "f", "1", "0", "Enter"].map((key) => kind(key)), [
    "zoom_in", "zoom_in", "zoom_out", "zoom", "pan", null, null, null, null, null,
  ]);
  equal(kind("B", { shiftKey: true }), "adjust");
  equal(kind("F", { shiftKey: true }), "full_screen");
  equal(kind("b", { shiftKey: true }), "adjust", "with Caps Lock");
});

test("arrows say where to", () => {
  equal(lookFor(press("ArrowRight")), { kind: "pan", x: 1, y: 0, character: false });
  equal(lookFor(press("ArrowUp")), { kind: "pan", x: 0, y: -1, character: false });
});

test("zoom and arrows may be held, what goes back and forth may not", () => {
  equal(["+", "-", "ArrowDown", " "].map((key) => kind(key, { repeat: true })), ["zoom_in", "zoom_out", "pan", null]);
  equal(kind("F", { shiftKey: true, repeat: true }), null);
});

test("with a modifier the key belongs to the browser", () => {
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }]) equal(kind("+", more), null, JSON.stringify(more));
});

test("on AZERTY the sign of the digit row is left to its class", () => {
  equal(kind("-", { code: "Digit6" }), null);
  equal(kind("-", { code: "NumpadSubtract" }), "zoom_out");
});

test("no class may have a sign that zooms", () => {
  equal(assignKeys(["+", "-", "=", " "].map((key, id) => ({ id, name: key, key, description: "" }))), [["1"], ["2"], ["3"], ["4"]]);
});
