import { MARGIN, allowed, bounded, closer, fit, largest, outgrows, pinched, wheelFactor, zoomedAt } from "/static/js/label/zoom.js";
import { equal, test } from "./harness.js";

const photo = { width: 4000, height: 3000 };
const stage = { width: 1024, height: 624 };
const round = (value) => Math.round(value * 1000) / 1000;

test("a fitted image has its margin on the tighter side and lies in the middle of the other", () => {
  const place = fit(photo, stage);
  equal(round(place.scale), 0.2); // 600 of 3000
  equal([place.x, place.y].map(round), [(1024 - 800) / 2, MARGIN]);
});

test("a small image is enlarged to the stage", () => {
  equal(round(fit({ width: 100, height: 100 }, stage).scale), 6);
});

test("a stage that has no room yet divides by nothing", () => {
  const { scale } = fit(photo, { width: 0, height: 0 });
  equal(scale > 0 && Number.isFinite(scale), true);
});

test("what lies under the pointer stays under it", () => {
  const place = fit(photo, stage);
  const point = { x: 300, y: 200 };
  const under = (now) => [(point.x - now.x) / now.scale, (point.y - now.y) / now.scale].map(round);
  equal(under(zoomedAt(place, 1, point)), under(place));
});

test("100 % is one device pixel for each pixel of the image, or twice fitted where that is no closer", () => {
  equal(closer(photo, stage, 1), 1);
  equal(closer(photo, stage, 2), 0.5);
  equal(round(closer({ width: 100, height: 100 }, stage, 1)), 12);
});

test("the scale stays between fitted and eight device pixels for each of the image", () => {
  equal(round(bounded(0.01, photo, stage, 1)), 0.2);
  equal(bounded(100, photo, stage, 1), 8);
  equal(bounded(100, photo, stage, 2), 4);
  equal(round(largest({ width: 100, height: 100 }, stage, 1)), 24, "a small image still has four times its fitted size");
});

test("no empty stage on one side while the image goes on at the other", () => {
  const far = allowed({ scale: 1, x: 5000, y: -5000 }, photo, stage);
  equal(far, { scale: 1, x: MARGIN, y: 624 - 3000 - MARGIN });
  const wide = allowed({ scale: 0.3, x: -10, y: 900 }, { width: 4000, height: 400 }, stage);
  equal(wide.y, (624 - 120) / 2, "the side that fits stays in the middle");
});

test("nearly fitted is fitted", () => {
  equal(allowed({ scale: 0.2001, x: 3, y: 4 }, photo, stage), fit(photo, stage));
});

test("two fingers take what lies between them along", () => {
  const place = fit(photo, stage);
  const start = [{ x: 400, y: 300 }, { x: 500, y: 300 }];
  const now = [{ x: 350, y: 320 }, { x: 650, y: 320 }];
  const moved = pinched(place, start, now, (scale) => scale);
  equal(round(moved.scale), 0.6);
  equal(round((450 - place.x) / place.scale), round((500 - moved.x) / moved.scale));
  equal(round((300 - place.y) / place.scale), round((320 - moved.y) / moved.scale));
});

test("fingers beyond the largest scale move the image and no longer enlarge it", () => {
  const place = { scale: 8, x: 0, y: 0 };
  const moved = pinched(place, [{ x: 0, y: 0 }, { x: 10, y: 0 }], [{ x: 5, y: 7 }, { x: 105, y: 7 }], () => 8);
  equal(moved, { scale: 8, x: 50, y: 7 });
});

test("one notch of a wheel and a trackpad's pinch change the scale by small steps, and back", () => {
  const wheel = (deltaY, more = {}) => wheelFactor({ deltaY, deltaMode: 0, ctrlKey: false, ...more });
  equal(round(wheel(-100)), 1.221);
  equal(round(wheel(-100) * wheel(100)), 1);
  equal(round(wheel(-3, { deltaMode: 1 })), round(wheel(-48)), "lines of Firefox");
  equal(round(wheel(-2, { ctrlKey: true })), 1.02);
  equal(wheel(-1e6), 2);
});

test("the preview is enough until the screen asks for more pixels than it has", () => {
  equal(outgrows({ scale: 0.4 }, photo, 1600, 1), false);
  equal(outgrows({ scale: 0.5 }, photo, 1600, 1), true);
  equal(outgrows({ scale: 0.3 }, photo, 1600, 2), true, "a screen of double density");
});
