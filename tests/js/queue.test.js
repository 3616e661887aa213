import { Leases } from "/static/js/label/leases.js";
import { ImageQueue } from "/static/js/label/queue.js";
import { equal, test } from "./harness.js";

const claim = (id) => ({ image: { id }, prelabel: null });
const ids = (queue) => queue.held.map(({ image }) => image.id);

/** A server that hands out 1, 2, 3 … and repeats what is still open, as ours does. */
function server(total, open = []) {
  const asked = [];
  let next = 1;
  const fetchClaims = async (count) => {
    asked.push(count);
    while (open.length < count && next <= total) open.push(next++);
    return { claims: open.slice(0, count).map(claim), remaining: total - next + 1 };
  };
  return { fetchClaims, asked, open };
}

function queueOn(fetchClaims, now = () => 0) {
  const prepared = [];
  return { queue: new ImageQueue({ fetchClaims, prepare: ({ image }) => prepared.push(image.id), now }), prepared };
}

test("the first call brings one image for the screen and five ahead, all prepared", async () => {
  const { fetchClaims, asked } = server(100);
  const { queue, prepared } = queueOn(fetchClaims);
  await queue.refill();
  equal([asked, ids(queue), prepared], [[6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]);
});

test("images that are held or answered are never taken twice", async () => {
  const { fetchClaims } = server(100);
  const { queue } = queueOn(fetchClaims);
  await queue.refill();
  queue.advance(); // 1 is answered here; the server does not know it yet
  await queue.refill({ waiting: 1 });
  equal(ids(queue), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("a full refill serves several answers: one claim call for about five labels", async () => {
  const { fetchClaims, asked, open } = server(1000);
  const { queue } = queueOn(fetchClaims);
  await queue.refill();
  for (let answer = 0; answer < 100; answer += 1) {
    open.splice(open.indexOf(queue.current.image.id), 1);
    queue.advance();
    if (queue.wantsMore) await queue.refill();
  }
  equal(asked.length, 21);
});

test("callers at the same time share one request", async () => {
  const { fetchClaims, asked } = server(100);
  const { queue } = queueOn(fetchClaims);
  await Promise.all([queue.refill(), queue.refill()]);
  equal(asked, [6]);
});

test("an image that is brought back comes before the one that was on screen", async () => {
  const { fetchClaims } = server(6);
  const { queue } = queueOn(fetchClaims);
  await queue.refill();
  queue.advance();
  queue.bringBack(claim(1), { open: true });
  equal(ids(queue), [1, 2, 3, 4, 5, 6]);
});

test("what is given back is what has no answer: not an answered image that is only looked at again", async () => {
  const { fetchClaims } = server(3);
  const { queue } = queueOn(fetchClaims);
  await queue.refill();
  queue.advance();
  queue.bringBack(claim(1), { open: false });
  equal(queue.unanswered, [2, 3]);
  queue.bringBack(claim(1), { open: true });
  equal(queue.unanswered, [1, 2, 3]);
});

test("near the end it does not ask after every answer, but always when nothing is left", async () => {
  let ms = 0;
  const { fetchClaims, open } = server(4);
  const { queue } = queueOn(fetchClaims, () => ms);
  await queue.refill();
  open.splice(0, 1);
  queue.advance();
  await queue.refill(); // nothing new
  equal(queue.wantsMore, false);
  ms += 10_001;
  equal(queue.wantsMore, true);
  ms = 0;
  queue.advance();
  queue.advance();
  queue.advance();
  equal([queue.current, queue.wantsMore], [null, true]);
});

test("a failed call leaves the queue as it was and can be repeated", async () => {
  let fails = true;
  const { fetchClaims } = server(3);
  const { queue } = queueOn((count) => (fails ? Promise.reject(new Error("away")) : fetchClaims(count)));
  const error = await queue.refill().catch(({ message }) => message);
  fails = false;
  await queue.refill();
  equal([error, ids(queue)], ["away", [1, 2, 3]]);
});

test("images that another tab has answered and not sent yet are not offered", async () => {
  const { fetchClaims } = server(6);
  const queue = new ImageQueue({ fetchClaims, prepare: () => {}, now: () => 0, isAnsweredElsewhere: (id) => id === 2 });
  await queue.refill();
  equal(ids(queue), [1, 3, 4, 5, 6]);
});

test("after a long sleep only what is still ours stays ahead; what is on screen stays in any case", async () => {
  let ms = 0;
  const answers = [[1, 2, 3, 4], [1, 2, 3, 4, 5], [3, 8]];
  const fetchClaims = async () => ({ claims: answers.shift().map(claim), remaining: 0 });
  const queue = new ImageQueue({ fetchClaims, prepare: () => {}, now: () => ms, leases: new Leases(600, () => ms) });
  await queue.refill();
  ms = 300_000;
  await queue.refill();
  equal(ids(queue), [1, 2, 3, 4, 5]);
  ms += 601_000;
  await queue.refill();
  equal(ids(queue), [1, 3, 8]);
});
