import { area, at, bounds, intersect, union } from "/static/js/draw/bitmap.js";
import { cutByPoints } from "/static/js/draw/pixels/cut4.js";
import { livewire } from "/static/js/draw/pixels/livewire.js";
import { covered, members } from "/static/js/draw/pixels/members.js";
import { WAYS, minCut } from "/static/js/draw/pixels/mincut.js";
import { slic } from "/static/js/draw/pixels/slic.js";
import { wand } from "/static/js/draw/pixels/wand.js";
import { equal, test } from "./harness.js";

function random(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

/** A picture of what `colour` says, with noise of ±`noise` steps. */
function picture(width, height, colour, noise = 0) {
  const next = random(3);
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i += 1) {
    colour(i % width, Math.floor(i / width)).forEach((value, c) => (data[4 * i + c] = value + (next() - 0.5) * 2 * noise));
  }
  return { width, height, data };
}

const inDisc = (x, y) => Math.hypot(x + 0.5 - 60, y + 0.5 - 50) <= 30;
const disc = picture(120, 100, (x, y) => (inDisc(x, y) ? [180, 60, 40] : [60, 120, 160]), 12);
const truth = { x: 0, y: 0, width: 120, height: 100, bits: Uint8Array.from({ length: 12000 }, (_, i) => (inDisc(i % 120, Math.floor(i / 120)) ? 1 : 0)) };
const iou = (a, b) => area(intersect(a, b)) / area(union(a, b));

test("the wand takes what hangs together and is alike, and more with a larger tolerance", () => {
  // Three stripes, 20 grey steps apart, then one of the first colour again.
  const stripes = picture(40, 10, (x) => Array(3).fill([100, 120, 140, 100][Math.floor(x / 10)]));
  const from = wand(stripes, 5, 5);
  equal(bounds(from.at(10)), [0, 0, 10, 10], "alike, but not joined: the last stripe stays out");
  equal(bounds(from.at(20)), [0, 0, 20, 10]);
  equal(bounds(from.at(40)), [0, 0, 40, 10], "the way to the last stripe is as costly as the stripe before it");
  equal(area(from.at(10)), 100, "going back takes nothing along");
});

test("the wand's answer does not depend on how the tolerance got there", () => {
  const noisy = picture(60, 60, (x, y) => [x * 4, y * 4, 128], 20);
  const slowly = wand(noisy, 30, 30);
  for (let tolerance = 0; tolerance < 60; tolerance += 1) slowly.at(tolerance);
  equal(area(slowly.at(33)), area(wand(noisy, 30, 30).at(33)));
});

test("superpixels cover the picture, each in one piece, and keep to edges", () => {
  const run = slic(disc, 12);
  let turn = run.next();
  while (!turn.done) turn = run.next();
  const { labels, count } = turn.value;
  equal(count > 40 && count < 120, true, `${count} superpixels for 83 of the size asked for`);
  const { starts, order } = members(turn.value);
  let wrong = 0;
  for (let n = 0; n < count; n += 1) {
    const own = [...order.subarray(starts[n], starts[n + 1])];
    equal(own.length > 0 && own.every((i) => labels[i] === n), true);
    const inside = own.filter((i) => truth.bits[i]).length;
    wrong += Math.min(inside, own.length - inside);
  }
  const both = covered({ ...turn.value, ...members(turn.value) }, [0, 1]);
  equal(area(both), starts[2]);
  equal(wrong / labels.length < 0.02, true, `${wrong} pixels on the wrong side of the disc's border`);
});

test("scissors follow a round border instead of the straight way", () => {
  const wire = livewire(disc);
  wire.from(30, 50);
  const path = wire.to(60, 20);
  equal(path.slice(0, 2), [30.5, 50.5]);
  equal(path.slice(-2), [60.5, 20.5]);
  const away = [];
  for (let i = 0; i < path.length; i += 2) away.push(Math.abs(Math.hypot(path[i] - 60, path[i + 1] - 50) - 30));
  equal(Math.max(...away) < 2.5, true, `${Math.max(...away)} pixels off the border`); // the straight way: 8.8
  const [x, y] = wire.snapped(33, 50, 6);
  equal(Math.abs(Math.hypot(x - 60, y - 50) - 30) < 1.6, true, `${x}, ${y}`);
});

test("scissors go on outside of their first window", () => {
  const wide = picture(400, 40, (x, y) => (y < 20 ? [20, 20, 20] : [220, 220, 220]));
  const wire = livewire(wide);
  wire.from(5, 20);
  wire.snapped(300, 20, 5); // elsewhere in between
  const path = wire.to(390, 20);
  equal(path.filter((_, i) => i % 2).every((y) => Math.abs(y - 20) <= 1.5), true);
});

test("a way is found in small portions, too, and is the same", () => {
  const [whole, slowly] = [livewire(disc), livewire(disc)];
  whole.from(30, 50);
  slowly.from(30, 50);
  let [found, questions] = [null, 0];
  for (; !found; questions += 1) found = slowly.to(85, 65, 100);
  equal(questions > 3, true, `${questions} questions`);
  equal(found, whole.to(85, 65));
});

test("the smallest cut is the smallest: all cuts of small grids tried", () => {
  const next = random(5);
  for (let round = 0; round < 60; round += 1) {
    const [wide, high] = [5, 4]; // three by two nodes and their border
    const nodes = [6, 7, 8, 11, 12, 13];
    const [terminal, capacity] = [new Float32Array(wide * high), new Float32Array(8 * wide * high)];
    for (const i of nodes) {
      terminal[i] = Math.floor(next() * 21) - 10;
      WAYS.forEach(([dx, dy], way) => {
        if (nodes.includes(i + dy * wide + dx)) capacity[8 * i + way] = Math.floor(next() * 6);
      });
    }
    const [given, pipes] = [terminal.slice(), capacity.slice()];
    const price = (isSource) => {
      let sum = 0;
      for (const i of nodes) {
        sum += isSource(i) ? Math.max(0, -given[i]) : Math.max(0, given[i]);
        WAYS.forEach(([dx, dy], way) => {
          if (isSource(i) && !isSource(i + dy * wide + dx)) sum += pipes[8 * i + way];
        });
      }
      return sum;
    };
    const all = Array.from({ length: 64 }, (_, choice) => price((i) => ((choice >> nodes.indexOf(i)) & 1) === 1));
    const cut = minCut(wide, high, terminal, capacity);
    equal(price((i) => cut[i] === 1), Math.min(...all));
  }
});

test("four extreme points give the object between them", () => {
  const cut = cutByPoints(disc, [[30, 50], [60, 20], [90, 50], [60, 80]]);
  equal(iou(cut, truth) > 0.95, true, `IoU ${iou(cut, truth)}`);
});

test("an object larger than the small picture is cut along its own pixels", () => {
  const large = picture(480, 400, (x, y) => (inDisc(x / 4, y / 4) ? [180, 60, 40] : [60, 120, 160]), 12);
  const cut = cutByPoints(large, [[240, 80], [120, 200], [360, 200], [240, 320]]);
  const whole = { x: 0, y: 0, width: 480, height: 400, bits: Uint8Array.from({ length: 192000 }, (_, i) => (inDisc((i % 480) / 4, Math.floor(i / 480) / 4) ? 1 : 0)) };
  equal(iou(cut, whole) > 0.98, true, `IoU ${iou(cut, whole)}`);
  equal(at(cut, 240, 200), 1);
});

test("a picture of one colour is cut to something inside the box, not to an error", () => {
  const flat = picture(50, 50, () => [90, 90, 90]);
  const [x, y, width, height] = bounds(cutByPoints(flat, [[10, 20], [20, 10], [30, 20], [20, 30]]));
  equal(x >= 10 && y >= 10 && x + width <= 30 && y + height <= 30, true);
});
