import { confidence, enterMeans, suggested } from "/static/js/label/answers.js";
import { swipeOf } from "/static/js/label/gestures.js";
import { Stopwatch } from "/static/js/label/stopwatch.js";
import { Words } from "/static/js/label/words.js";
import { equal, test } from "./harness.js";

const classes = ["cat", "dog", "fox"].map((name, place) => ({ id: 10 + place, name, key: "", description: "" }));
const now = (more) => ({ multi: true, chosen: new Set(), touched: false, suggestion: null, ...more });

test("a suggestion names classes by id or by name", () => {
  equal(suggested({ categories: [11], probability: 0.8, calibrated: true }, classes), [1]);
  equal(suggested({ categories: ["fox", "cat"], probability: 0.8, calibrated: true }, classes), [2, 0]);
});

test("a suggestion of a class that cannot be chosen is none at all", () => {
  equal(suggested({ categories: [99], probability: 0.8, calibrated: true }, classes), null);
  equal(suggested(null, classes), null);
});

test("single choice: Enter accepts a suggestion and does nothing without one", () => {
  equal(enterMeans(now({ multi: false, suggestion: [2] })), { kind: "accept", places: [2] });
  equal(enterMeans(now({ multi: false })).kind, "nothing");
});

test("multi-label: Enter accepts while untouched, then saves exactly what is switched on", () => {
  equal(enterMeans(now({ suggestion: [0, 2] })), { kind: "accept", places: [0, 2] });
  equal(enterMeans(now({ suggestion: [0, 2], touched: true, chosen: new Set([2, 1]) })), { kind: "save", places: [1, 2] });
  equal(enterMeans(now({ suggestion: [0, 2], touched: true })), { kind: "none", places: [] }, "all switched off again");
  equal(enterMeans(now({})), { kind: "none", places: [] });
});

test("a percentage only when calibrated, else a word", () => {
  equal(confidence({ probability: 0.836, calibrated: true }), { percent: 84 });
  equal(confidence({ probability: 0.93, calibrated: false }), { word: "likely" });
  equal(confidence({ probability: 0.4, calibrated: false }), { word: "unsure" });
  equal(confidence({ probability: null, calibrated: true }), null);
});

test("a swipe is long and level", () => {
  equal([swipeOf(90, 10), swipeOf(-90, 10), swipeOf(60, 0), swipeOf(90, 60)], ["right", "left", null, null]);
});

test("the stopwatch leaves out the time the tab was hidden, and lunch", () => {
  let ms = 1000;
  const watch = new Stopwatch(() => ms);
  watch.start();
  ms += 1500;
  watch.pause();
  ms += 60_000;
  watch.resume();
  ms += 340;
  equal(watch.read(), 1.84);
  ms += 3_600_000;
  equal(watch.read(), 300);
});

test("sentences are filled in, with numbers as the language writes them", () => {
  const words = new Words({ total: "of about {total}", answer: "{answer}!" }, "en");
  equal(words.say("total", { total: 1500 }), "of about 1,500");
  equal(words.say("answer", { answer: "{total}" }), "{total}!", "a class may be named like a placeholder");
});
