// Ticking a range of images, and which fields an action asks for.

import { isFor, range } from "/static/js/pages/images.js";
import { equal, test } from "./harness.js";

test("a range has both ends, whichever was ticked first", () => {
  equal(range(["a", "b", "c", "d"], 1, 3), ["b", "c", "d"]);
  equal(range(["a", "b", "c", "d"], 3, 1), ["b", "c", "d"]);
  equal(range(["a", "b"], 0, 0), ["a"]);
});

test("a field is for the actions that it names", () => {
  equal(isFor("label gold", "gold"), true);
  equal(isFor("label gold", "lab"), false);
});
