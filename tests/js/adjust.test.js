import { FURTHEST, checked, factor, filterOf } from "/static/js/label/adjust.js";
import { equal, test } from "./harness.js";

test("ten steps double, ten back halve, none change nothing", () => {
  equal([10, 0, -10, FURTHEST].map(factor), [2, 1, 0.5, 4]);
});

test("an image shown as it is has no filter at all", () => {
  equal(filterOf({ brightness: 0, contrast: 0, gamma: 0 }), "");
});

test("only what differs is filtered, in a fixed order", () => {
  equal(filterOf({ brightness: 10, contrast: 0, gamma: 0 }), "brightness(2)");
  equal(filterOf({ brightness: -10, contrast: 10, gamma: 3 }), 'brightness(0.5) contrast(2) url("#gamma")');
});

test("what was remembered is used as far as it can be", () => {
  equal(checked('{"brightness": 5, "contrast": -20, "gamma": 0}'), { brightness: 5, contrast: -20, gamma: 0 });
  const neutral = { brightness: 0, contrast: 0, gamma: 0 };
  for (const bad of [null, "", "{", "null", "[]", '"x"', '{"brightness": "5", "contrast": 1e9, "gamma": 0.5}']) equal(checked(bad), neutral, String(bad));
});
