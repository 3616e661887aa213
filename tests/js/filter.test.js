import { byUse, Filter } from "/static/js/label/filter.js";
import { equal, test } from "./harness.js";

const names = ["oak", "red oak", "Écaille", "soaked", "oak, white", "ash"];
const found = (text, order = [0, 1, 2, 3, 4, 5]) => new Filter(names, order).matches(text).map((place) => names[place]);

test("most used first: one's own use, then everybody's, then the project's order", () => {
  equal(byUse([{}, { all: 9 }, { mine: 1, all: 1 }, { mine: 5, all: 5 }, {}]), [3, 2, 1, 0, 4]);
});

test("nothing typed: everything, in its order", () => {
  equal(found("", [5, 4, 3, 2, 1, 0]), [...names].reverse());
  equal(found("  ").length, 6);
});

test("the whole name, its beginning, the beginning of a word, anywhere", () => {
  equal(found("oak", [5, 4, 3, 2, 1, 0]), ["oak", "oak, white", "red oak", "soaked"]);
});

test("use decides among equals", () => {
  equal(new Filter(["bat b", "bat a"], [1, 0]).matches("ba"), [1, 0]);
});

test("several words, in any order; accents and capitals do not count", () => {
  equal([found("oa re"), found("ECA"), found("éca"), found("xyz")], [["red oak"], ["Écaille"], ["Écaille"], []]);
});

test("300 classes are searched in a fraction of a frame", () => {
  const many = new Filter(Array.from({ length: 300 }, (_, n) => `kind ${n} of leaf disease`), Array.from({ length: 300 }, (_, n) => n));
  let best = Infinity;
  for (let n = 0; n < 20; n += 1) {
    const start = performance.now();
    many.matches("2 leaf");
    best = Math.min(best, performance.now() - start);
  }
  equal(best < 5, true, `${best} ms`);
});
