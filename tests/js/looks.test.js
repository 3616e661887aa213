import { Keys } from "/static/js/label/keys.js";
import { lookFor } from "/static/js/label/looks.js";
import { equal, test } from "./harness.js";

const press = (key, more = {}) => ({ key, code: "", repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more });
const kind = (key, more) => lookFor(press(key, more))?.kind ?? null;

test("each key has its look", () => {
  equal(["+", "=", "-", "ArrowLeft", " ", "b", "1", "0", "Enter"].map((key) => kind(key)), [
    "zoom_in", "zoom_in", "zoom_out", "pan", null, null, null, null, null,
  ]);
});

test("arrows say where to", () => {
  equal(lookFor(press("ArrowRight")), { kind: "pan", x: 1, y: 0, character: false });
  equal(lookFor(press("ArrowUp")), { kind: "pan", x: 0, y: -1, character: false });
});

test("zoom and arrows may be held", () => {
  equal(["+", "-", "ArrowDown"].map((key) => kind(key, { repeat: true })), ["zoom_in", "zoom_out", "pan"]);
});

test("with a modifier the key belongs to the browser", () => {
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { isComposing: true }]) equal(kind("+", more), null, JSON.stringify(more));
});

test("on AZERTY the sign of the digit row is left to its class", () => {
  equal(kind("-", { code: "Digit6" }), null);
  equal(kind("-", { code: "NumpadSubtract" }), "zoom_out");
});

test("no class may have a sign that zooms", () => {
  const keys = new Keys({ categories: ["+", "-", "=", "x"].map((key, id) => ({ id, name: key, key, description: "" })) });
  equal(keys.ofClass, [["1"], ["2"], ["3"], ["x", "4"]]);
});
