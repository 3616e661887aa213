import { batches, sorted } from "/static/js/pages/import/sort.js";
import { shown } from "/static/js/pages/watch.js";
import { guessTask } from "/static/js/pages/guess-task.js";
import { adviceFor, Refusals } from "/static/js/pages/import/refusals.js";
import { inWords, secondsLeft } from "/static/js/pages/import/pace.js";
import { equal, test } from "./harness.js";

const item = (path, size = 1000) => ({ file: { name: path.split("/").at(-1), size }, path });

test("archives and tables are told from images, and what systems leave behind is left out", () => {
  const { archives, images, labels, left } = sorted(
    ["a.jpg", "b/Leaf.ZIP", "c.tar.gz", "b/labels.CSV", "b/.DS_Store", "__MACOSX/a.jpg", "b/Thumbs.db"].map((path) => item(path)),
  );
  equal(archives.map(({ path }) => path), ["b/Leaf.ZIP", "c.tar.gz"]);
  equal(images.map(({ path }) => path), ["a.jpg"]);
  equal(labels.map(({ path }) => path), ["b/labels.CSV"]);
  equal(left, 3);
});

test("a request has at most twenty files, the first only four: labeling starts after it", () => {
  equal(batches(Array.from({ length: 45 }, (_, n) => item(`${n}.jpg`))).map((batch) => batch.length), [4, 20, 20, 1]);
});

test("a request has at most 24 MiB, but for one file that is larger alone", () => {
  const MiB = 1024 * 1024;
  const sizes = [20 * MiB, 10 * MiB, 60 * MiB, 1 * MiB];
  const found = batches(sizes.map((size, n) => item(`${n}.jpg`, size)));
  equal(found.map((batch) => batch.map(({ path }) => path)), [["0.jpg"], ["1.jpg"], ["2.jpg"], ["3.jpg"]]);
  equal(batches([]), []);
});

test("a row that is watched ends with its work", () => {
  equal(shown({ state: "running", stage: "reading images", progress: { done: 5, total: 20 } }), {
    ended: false, done: 5, total: 20, count: "5 / 20", stage: "reading images", minutes: null,
  });
  equal([20, 95, 3600].map((seconds_left) => shown({ state: "running", seconds_left }).minutes), [0, 2, 60]);
  equal(shown({ state: "running", progress: { done: 63, total: 100 } }).count, "63\u00a0%");
  equal(["queued", "running", "done", "failed", "cancelled"].map((state) => shown({ state }).ended), [false, false, true, true, true]);
});

test("one class alone asks for any number of classes", () => {
  equal(guessTask("rust"), "multi");
  equal(guessTask("rust, "), "multi");
  equal(guessTask("rust, leaf spot"), "single");
  equal(guessTask(""), "single");
});

test("refused files are sorted by their reason, the most frequent first, with what to do", () => {
  const refusals = new Refusals([["damaged", "Take it again."], ["not an image", "Leave it out."]]);
  refusals.add("a.txt", "This is not an image.");
  refusals.add("b.jpg", "The image is damaged.");
  refusals.add("c.jpg", "The image is damaged.");
  refusals.add("", "… and 7 more files.");
  equal(refusals.total, 3);
  equal(refusals.sorted().map(({ reason, advice, n, names }) => [reason, advice, n, names]), [
    ["The image is damaged.", "Take it again.", 2, ["b.jpg", "c.jpg"]],
    ["This is not an image.", "Leave it out.", 1, ["a.txt"]],
    ["… and 7 more files.", "", 0, []],
  ]);
  equal(adviceFor("Something else.", refusals.table), "");
});

test("ten thousand refused files keep a hundred names", () => {
  const refusals = new Refusals([]);
  for (let n = 0; n < 10_000; n += 1) refusals.add(`${n}.txt`, "No.");
  equal([refusals.sorted()[0].n, refusals.sorted()[0].names.length], [10_000, 100]);
});

test("what is left is said once it can be known", () => {
  equal(secondsLeft(0, 100, 60_000), null);
  equal(secondsLeft(10, 100, 1000), null);
  equal(secondsLeft(25, 100, 10_000), 30); // 25 in 10 s: 75 more take 30 s
  equal(secondsLeft(100, 100, 10_000), null);
  const words = { seconds: "{n} s left", minutes: "{n} min left" };
  equal([inWords(38, words), inWords(150, words)], ["38 s left", "3 min left"]);
});
