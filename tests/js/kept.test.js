import { leftOpen, noteOf, withKept } from "/static/js/label/kept.js";
import { Leases } from "/static/js/label/leases.js";
import { gravest, lineFor, panelFor, wordFor } from "/static/js/label/standing.js";
import { equal, test } from "./harness.js";

const project = { id: 3, categories: [{ id: 10, name: "cat" }, { id: 11, name: "dog" }] };
const claim = (id) => ({ image: { id }, prelabel: { categories: [10], probability: 0.9, calibrated: true } });
const put = (id, choice, step = 1, key = `put ${id}`) => ({ imageId: id, method: "PUT", key, state: "waiting", note: noteOf(claim(id), choice, { project, step }) });
const undo = (id, step = -1) => ({ imageId: id, method: "DELETE", key: `undo ${id}`, state: "waiting", note: noteOf(claim(id), { categories: [10] }, { project, step }) });
const server = (...ids) => ids.map((id) => ({ claim: { image: { id }, prelabel: null }, choice: { categories: [11] }, sending: null, key: `put ${id}` }));
const ids = ({ history }) => history.map((answered) => answered.claim.image.id);

test("what is written down names the classes and forgets the suggestion", () => {
  const note = noteOf(claim(5), { categories: [11, 99] }, { project, step: 1 });
  equal(note, { project: 3, claim: { image: { id: 5 }, prelabel: null }, choice: { categories: [11, 99] }, names: ["dog", ""], step: 1 });
  equal(noteOf(claim(5), { answer: "skip" }, { project, step: 0 }).names, []);
});

test("unsent answers come before what the server tells, newest first, and count", () => {
  const told = withKept({ history: server(2, 1), done: 2 }, [put(3, { categories: [10] }), put(4, { answer: "skip" }, 0)], new Set());
  equal([ids(told), told.done], [[4, 3, 2, 1], 3]);
});

test("a changed answer moves to the front and is not counted twice", () => {
  const told = withKept({ history: server(2, 1), done: 2 }, [put(1, { categories: [10] }, 0, "change")], new Set());
  equal([ids(told), told.done, told.history[0].choice], [[1, 2], 2, { categories: [10] }]);
});

test("what was taken back is neither in the history nor counted", () => {
  const told = withKept({ history: server(2, 1), done: 2 }, [undo(2), put(3, { categories: [10] }), undo(3)], new Set());
  equal([ids(told), told.done], [[1], 1]);
});

test("an answer that the server has, although nobody heard it say so, counts once", () => {
  const told = withKept({ history: server(2, 1), done: 2 }, [put(2, { categories: [11] })], new Set(["put 2"]));
  equal([ids(told), told.done], [[2, 1], 2]);
});

test("left open is what was taken back and not answered since, oldest first", () => {
  const open = leftOpen([put(1, {}), undo(1), put(2, {}), undo(2), put(2, {}, 1, "again"), undo(3)]);
  equal(open.map(({ image }) => image.id), [1, 3]);
});

test("saved is said only when nothing waits, nothing was refused and the outbox was read", () => {
  const word = (now) => wordFor({ waiting: 0, trouble: "", refused: 0, isRead: true, ...now });
  equal(word({}).name, "saved");
  equal([word({ isRead: false }).name, word({ refused: 2 }), word({ waiting: 1 }).name, word({ waiting: 3 })], [
    "unknown", { name: "refused", n: 2, isTrouble: true }, "saving", { name: "waiting", n: 3, isTrouble: false },
  ]);
  equal([word({ waiting: 5, trouble: "offline" }).name, word({ trouble: "offline" }).name, word({ waiting: 2, trouble: "signed_out" }).name], [
    "offline", "offline_idle", "signed_out",
  ]);
});

test("who is logged in matters more than the network", () => {
  equal([gravest(["offline", "another_person"]), gravest(["", "busy"]), gravest(["", ""])], ["another_person", "busy", ""]);
});

test("words take the image's place only while it cannot be shown", () => {
  const panel = (now) => panelFor({ trouble: "", image: "none", feedFailed: false, isLoading: false, ...now });
  equal([panel({ image: "ready", trouble: "offline" }), panel({ image: "ready", trouble: "signed_out" })], [null, null]);
  equal(panel({ image: "ready", trouble: "another_person" }), "another_person");
  equal([panel({ trouble: "offline" }), panel({ image: "failed", trouble: "offline" })], ["offline", "offline"]);
  equal([panel({ image: "failed" }), panel({ image: "loading", trouble: "offline" })], ["failed", "loading"]);
  equal([panel({ feedFailed: true }), panel({ isLoading: true }), panel({}), panel({ hasClasses: false })], ["trouble", "loading", "finished", "no_classes"]);
  equal([panel({ feedFailed: true, isPaused: true }), panel({ image: "ready", feedFailed: true, isPaused: true })], ["paused", null]);
});

test("the line on other pages: nothing, under way, waiting, done, refused", () => {
  const line = (now) => lineFor({ own: 0, stuck: 0, refused: 0, adopted: 0, trouble: "", ...now });
  equal(line({}), null);
  equal([line({ own: 3, adopted: 3 }).name, line({ own: 3, trouble: "busy" }).name, line({ stuck: 2 })], ["sending", "waiting", { name: "waiting", n: 2, isTrouble: true }]);
  equal([line({ adopted: 3 }), line({ refused: 1, own: 2 }).name], [{ name: "sent", n: 3, isTrouble: false }, "refused"]);
  equal(line({ own: 3, trouble: "another_person" }), null);
});

test("leases are renewed three times over their length, by the clock on the wall", () => {
  let ms = 0;
  const leases = new Leases(1800, () => ms);
  const due = [];
  for (let minute = 0; minute < 60; minute += 1) {
    ms = minute * 60_000;
    if (leases.isDue) due.push(minute), leases.renewed();
  }
  equal(due, [10, 20, 30, 40, 50]);
  ms += 8 * 3600_000; // the lid was closed
  equal([leases.isDue, leases.haveRunOut], [true, true]);
});
