import { batches, sorted } from "/static/js/pages/import/sort.js";
import { shown } from "/static/js/pages/watch.js";
import { guessTask } from "/static/js/pages/guess-task.js";
import { equal, test } from "./harness.js";

const item = (path, size = 1000) => ({ file: { name: path.split("/").at(-1), size }, path });

test("archives are told from images, and what systems leave behind is left out", () => {
  const { archives, images, left } = sorted(
    ["a.jpg", "b/Leaf.ZIP", "c.tar.gz", "b/.DS_Store", "__MACOSX/a.jpg", "b/Thumbs.db"].map((path) => item(path)),
  );
  equal(archives.map(({ path }) => path), ["b/Leaf.ZIP", "c.tar.gz"]);
  equal(images.map(({ path }) => path), ["a.jpg"]);
  equal(left, 3);
});

test("a request has at most twenty files", () => {
  equal(batches(Array.from({ length: 45 }, (_, n) => item(`${n}.jpg`))).map((batch) => batch.length), [20, 20, 5]);
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
    ended: false, done: 5, total: 20, count: "5 / 20", stage: "reading images",
  });
  equal(shown({ state: "running", progress: { done: 63, total: 100 } }).count, "63\u00a0%");
  equal(["queued", "running", "done", "failed", "cancelled"].map((state) => shown({ state }).ended), [false, false, true, true, true]);
});

test("one class alone asks for any number of classes", () => {
  equal(guessTask("rust"), "multi");
  equal(guessTask("rust, "), "multi");
  equal(guessTask("rust, leaf spot"), "single");
  equal(guessTask(""), "single");
});
