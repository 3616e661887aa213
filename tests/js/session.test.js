import { ImageQueue } from "/static/js/label/queue.js";
import { Refused, Unreachable } from "/static/js/api.js";
import { Saver } from "/static/js/label/saver.js";
import { Session } from "/static/js/label/session.js";
import { Stopwatch } from "/static/js/label/stopwatch.js";
import { equal, settled, test } from "./harness.js";

const categories = ["cat", "dog", "fox"].map((name, place) => ({ id: 10 + place, name, key: "", description: "" }));

async function sessionWith({ multi = false, total = 20, prelabel = null, recent = [] } = {}) {
  const sent = [];
  let next = 1;
  let key = 0;
  const open = [];
  const fetchClaims = async (count) => {
    while (open.length < count && next <= total) open.push(next++);
    return { claims: open.slice(0, count).map((id) => ({ image: { id }, prelabel })), remaining: 0 };
  };
  const send = async ({ imageId, method, body }) => {
    sent.push([method, imageId, body?.categories ?? body?.answer ?? null]);
    if (method === "PUT") open.splice(0, open.length, ...open.filter((id) => id !== imageId));
  };
  const timers = { set: () => 1, clear: () => {}, random: () => 0 };
  const session = new Session({
    project: { id: 3, multi, labelSet: 1, categories, done: recent.length, known: [], recent },
    queue: new ImageQueue({ fetchClaims, prepare: () => {}, now: () => 0 }),
    saver: new Saver({ send, onChange: () => {}, timers }),
    stopwatch: new Stopwatch(() => 0),
    newKey: () => `key ${++key}`,
    onChange: () => {},
    timers,
  });
  await session.feed({ now: true });
  session.markPainted();
  return { session, sent };
}
const onScreen = (session) => session.queue.current?.image.id ?? null;

test("one choice labels, saves and shows the next", async () => {
  const { session, sent } = await sessionWith();
  session.choose(1);
  await settled();
  equal([sent, onScreen(session), session.done], [[["PUT", 1, [11]]], 2, 1]);
});

test("nothing counts before the image is painted", async () => {
  const { session, sent } = await sessionWith();
  session.choose(1);
  const taken = [session.choose(2), session.pressEnter(), session.cannotTell()];
  await settled();
  equal([taken, sent.length, onScreen(session)], [[false, false, false], 1, 2]);
  session.markPainted();
  equal(session.choose(2), true);
});

test("an image that never loads can be skipped", async () => {
  const { session, sent } = await sessionWith();
  session.clear();
  session.skip();
  await settled();
  equal([sent, session.done], [[["PUT", 1, "skip"]], 0]);
});

test("undo takes the last answer back and shows its image, then the one before", async () => {
  const { session, sent } = await sessionWith();
  for (const place of [0, 1]) {
    session.choose(place);
    session.markPainted();
  }
  session.undo();
  equal([onScreen(session), session.done], [2, 1]);
  session.undo();
  await settled();
  equal([onScreen(session), session.done, session.undo()], [1, 0, false]);
  // Different images do not wait for each other; each DELETE follows the PUT it takes back.
  for (const id of [1, 2]) equal(sent.filter(([, image]) => image === id).map(([method]) => method), ["PUT", "DELETE"]);
  equal(session.queue.held.map(({ image }) => image.id).slice(0, 3), [1, 2, 3]);
});

test("undo reaches back to answers of an earlier page", async () => {
  const recent = [{ claim: { image: { id: 900 }, prelabel: null }, choice: { categories: [10] }, sending: null }];
  const { session, sent } = await sessionWith({ recent });
  session.undo();
  await settled();
  equal([onScreen(session), sent], [900, [["DELETE", 900, null]]]);
});

test("an earlier answer is changed by a new one, and comes first in the history", async () => {
  const { session, sent } = await sessionWith();
  for (const place of [0, 0, 0]) {
    session.choose(place);
    session.markPainted();
  }
  session.open(session.history[2]);
  equal([onScreen(session), [...session.chosen]], [1, [0]]);
  session.markPainted();
  session.choose(2);
  await settled();
  equal([sent.at(-1), onScreen(session), session.done, session.history.length], [["PUT", 1, [12]], 4, 3, 3]);
  equal(session.history[0].claim.image.id, 1);
});

test("leaving an earlier answer sends nothing and returns to where the person was", async () => {
  const { session, sent } = await sessionWith();
  session.choose(0);
  session.open(session.history[0]);
  session.undo();
  await settled();
  equal([sent.length, onScreen(session), session.editing, session.done], [1, 2, null, 1]);
});

test("multi-label: digits switch, Enter saves", async () => {
  const { session, sent } = await sessionWith({ multi: true });
  session.choose(2);
  session.choose(0);
  session.choose(2);
  session.choose(1);
  session.pressEnter();
  await settled();
  equal(sent, [["PUT", 1, [10, 11]]]);
});

test("multi-label: Enter without anything is a verified none; with a suggestion it accepts that", async () => {
  const blind = await sessionWith({ multi: true });
  blind.session.pressEnter();
  await settled();
  equal(blind.sent, [["PUT", 1, []]]);
  const helped = await sessionWith({ multi: true, prelabel: { categories: [12, 10], probability: 0.9, calibrated: true } });
  helped.session.pressEnter();
  helped.session.markPainted();
  helped.session.answerNone();
  await settled();
  equal(helped.sent, [["PUT", 1, [12, 10]], ["PUT", 2, []]]);
});

test("multi-label: after an undo the former classes are switched on again", async () => {
  const { session } = await sessionWith({ multi: true });
  session.choose(2);
  session.pressEnter();
  session.undo();
  equal([[...session.chosen], session.enter], [[2], { kind: "save", places: [2] }]);
});

test("single choice: a verified none does not exist", async () => {
  const { session, sent } = await sessionWith();
  session.answerNone();
  await settled();
  equal(sent, []);
});

test("an earlier tab's unsent answers are in the history, are not offered again, and can be undone", async () => {
  const { session, sent } = await sessionWith();
  const note = (id) => ({ project: 3, claim: { image: { id }, prelabel: null }, choice: { categories: [10] }, names: ["cat"], step: 1 });
  const entry = (id, more) => ({ imageId: id, method: "PUT", body: { categories: [10] }, key: `old ${id}`, seq: id, undoes: null, note: note(id), state: "waiting", ...more });
  const elsewhere = { ...entry(41), note: { ...note(41), project: 99 } };
  session.resume(session.saver.adopt([entry(30), entry(40), elsewhere]));
  equal([session.history.map(({ claim }) => claim.image.id), session.done], [[40, 30], 2]);
  equal([30, 40, 41].map((id) => session.queue.answered.has(id)), [true, true, false], "another project's are only sent");
  session.undo();
  await settled();
  equal([onScreen(session), session.done, sent], [40, 1, [["PUT", 30, [10]], ["PUT", 40, [10]], ["PUT", 41, [10]], ["DELETE", 40, null]]]);
});

test("what an earlier tab took back last stands on the screen again", async () => {
  const { session } = await sessionWith({ total: 0 });
  const note = { project: 3, claim: { image: { id: 30 }, prelabel: null }, choice: { categories: [10] }, names: ["cat"], step: -1 };
  session.resume(session.saver.adopt([{ imageId: 30, method: "DELETE", key: "undo", seq: 1, undoes: null, note, state: "waiting" }]));
  equal([onScreen(session), session.queue.unanswered], [30, [30]]);
});

test("in another person's session nothing can be answered, undone or opened", async () => {
  const { session, sent } = await sessionWith();
  session.choose(0);
  session.markPainted();
  await settled();
  session.feeder.error = new Refused(409, { code: "another_person", message: "You are bea." });
  equal([session.choose(1), session.skip(), session.undo(), session.open(session.history[0]) ?? null], [false, false, false, null]);
  await settled();
  equal([sent.length, onScreen(session), session.editing], [1, 2, null]);
});

test("without a network nothing is skipped that nobody has seen", async () => {
  const { session } = await sessionWith();
  session.clear();
  session.feeder.error = new Unreachable(new TypeError("Failed to fetch"));
  equal(session.skip(), false);
  session.markPainted();
  equal(session.skip(), true);
});
