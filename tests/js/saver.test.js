import { Refused, Unreachable } from "/static/js/api.js";
import { Saver } from "/static/js/label/saver.js";
import { pauseAfter } from "/static/js/label/trouble.js";
import { clock, equal, settled, test } from "./harness.js";

/** A saver with a server and a clock in our hands. */
function saverWith(answers = []) {
  const sent = [];
  const alarms = [];
  const pending = [];
  const send = (sending) => {
    sent.push(`${sending.method} ${sending.imageId} ${sending.key}`);
    const answer = answers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === "hold") return new Promise((resolve, reject) => pending.push({ resolve, reject }));
    return Promise.resolve({});
  };
  const timers = { set: (wake, ms) => alarms.push({ wake, ms }), clear: () => {}, random: () => 0 };
  return { saver: new Saver({ send, onChange: () => {}, timers }), sent, alarms, pending };
}
const put = (imageId, key) => ({ imageId, method: "PUT", body: {}, key });
const away = () => new Unreachable(new TypeError("Failed to fetch"));
const refused = (status, code, retryAfter = 0) => new Refused(status, { code, message: code }, retryAfter);

test("an answer is sent once and then forgotten", async () => {
  const { saver, sent } = saverWith();
  const sending = saver.add(put(1, "a"));
  await settled();
  equal([sent, sending.state, saver.waiting], [["PUT 1 a"], "saved", 0]);
});

test("without a network it waits and tries again with the same key", async () => {
  const { saver, sent, alarms } = saverWith([away(), away()]);
  saver.add(put(1, "a"));
  await settled();
  equal([saver.waiting, saver.trouble, alarms.map(({ ms }) => ms)], [1, "offline", [1000]]);
  alarms[0].wake();
  await settled();
  alarms[1].wake();
  await settled();
  equal([sent, alarms.map(({ ms }) => ms), saver.waiting, saver.trouble], [["PUT 1 a", "PUT 1 a", "PUT 1 a"], [1000, 2000], 0, ""]);
});

test("while the server is away one answer knocks, not all of them; then all go, in order", async () => {
  const { saver, sent, alarms } = saverWith([away(), away()]);
  saver.add(put(1, "a"));
  await settled();
  for (const id of [2, 3, 4]) saver.add(put(id, `k${id}`));
  await settled();
  equal(sent, ["PUT 1 a"], "nothing else is tried during the pause");
  alarms[0].wake();
  await settled();
  equal(sent.length, 2, "one probe");
  alarms[1].wake();
  await settled();
  equal([sent.slice(2), saver.waiting], [["PUT 1 a", "PUT 2 k2", "PUT 3 k3", "PUT 4 k4"], 0]);
});

test("an undo waits for the answer it takes back", async () => {
  const { saver, sent, pending } = saverWith(["hold"]);
  const answer = saver.add(put(1, "a"));
  saver.add({ imageId: 1, method: "DELETE", key: "b", undoes: answer });
  saver.add(put(2, "c"));
  await settled();
  equal(sent, ["PUT 1 a", "PUT 2 c"], "another image does not wait");
  pending[0].resolve({});
  await settled();
  equal(sent.at(-1), "DELETE 1 b");
});

test("what the server refuses is not tried again, is kept with its reason, and stops nothing else", async () => {
  const { saver, sent } = saverWith([refused(409, "no_claim")]);
  const first = saver.add(put(1, "a"));
  saver.add(put(2, "b"));
  await settled();
  equal([sent.length, first.state, first.error.message, saver.waiting], [2, "refused", "no_claim", 0]);
});

test("an answer that was refused is not taken back on the server", async () => {
  const { saver, sent } = saverWith([refused(409, "no_claim")]);
  const answer = saver.add(put(1, "a"));
  saver.add({ imageId: 1, method: "DELETE", key: "b", undoes: answer });
  await settled();
  equal([sent, saver.waiting], [["PUT 1 a"], 0]);
});

test("an answer that another tab took back already counts as taken back", async () => {
  const { saver } = saverWith([refused(409, "nothing_to_undo")]);
  const undo = saver.add({ imageId: 1, method: "DELETE", key: "b" });
  await settled();
  equal(undo.state, "saved");
});

test("a busy server, too many requests and a lost login are waited for", async () => {
  for (const [error, trouble] of [[refused(503, "busy"), "busy"], [refused(429, "throttled"), "busy"], [refused(500, ""), "busy"], [refused(404, ""), "busy"], [refused(401, "not_authenticated"), "signed_out"], [refused(403, "csrf_failed"), "signed_out"]]) {
    const { saver } = saverWith([error]);
    saver.add(put(1, "a"));
    await settled();
    equal([saver.waiting, saver.trouble], [1, trouble], String(error.status));
  }
});

test("pauses double up to half a minute; Retry-After decides where it is given", () => {
  equal([1, 2, 3, 4, 5, 6, 9].map((failures) => pauseAfter(failures, 0, 0)), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  equal([pauseAfter(1, 0, 1), pauseAfter(1, 7, 0), pauseAfter(9, 7, 1)], [1500, 7000, 8750]);
});

test("the last words of a page are the next to go of each image", async () => {
  const { saver } = saverWith(["hold", "hold"]);
  const answer = saver.add(put(1, "a"));
  saver.add({ imageId: 1, method: "DELETE", key: "b", undoes: answer });
  saver.add(put(2, "c"));
  await settled();
  equal(saver.heads.map(({ key }) => key), ["a", "c"]);
});

/** What a keeper is asked, in words. */
function keeperWith(elsewhere = []) {
  const asked = [];
  const word = (name) => (sending) => asked.push(`${name} ${sending.key}`);
  return { asked, elsewhere, isRead: true, works: true, keep: word("keep"), forget: word("forget"), refuse: word("refuse") };
}

test("ten minutes without a network: all is kept, then sent in order per image, once, under the same keys", async () => {
  const time = clock();
  let isCut = true;
  const tried = [];
  const done = [];
  const send = async ({ method, imageId, key }) => {
    tried.push(key);
    if (isCut) throw away();
    done.push([method, imageId, key]);
  };
  const keeper = keeperWith();
  const saver = new Saver({ send, onChange: () => {}, timers: time.timers, keeper });
  for (const id of [1, 2, 3, 4, 5]) {
    saver.add(put(id, `put ${id}`));
    await time.pass(4_000);
  }
  const undo = saver.add({ imageId: 5, method: "DELETE", key: "undo 5", undoes: saver.unsettled.at(-1) });
  saver.add(put(5, "put 5 anew"));
  await time.pass(600_000);
  equal([saver.waiting, saver.trouble, done.length, undo.state], [7, "offline", 0, "waiting"]);
  equal([...new Set(tried)], ["put 1"], "one probe, always the same");
  if (tried.length > 30) throw new Error(`${tried.length} attempts in ten minutes`);
  isCut = false;
  await time.pass(45_000);
  equal([saver.waiting, saver.trouble, done.length], [0, "", 7]);
  equal(new Set(done.map(([, , key]) => key)).size, 7);
  equal(done.filter(([, image]) => image === 5).map(([, , key]) => key), ["put 5", "undo 5", "put 5 anew"]);
  equal(keeper.asked.filter((what) => what.startsWith("keep")).length, 7);
  equal(keeper.asked.filter((what) => what.startsWith("forget")).length, 7);
});

test("what an earlier tab left goes first, in its order, and an undo finds what it takes back", async () => {
  const { saver, sent } = saverWith(["hold"]);
  saver.add(put(9, "held"));
  const own = saver.add(put(1, "mine"));
  own.seq = 7;
  const entries = [
    { ...put(1, "a"), seq: 2, undoes: null, state: "waiting" },
    { imageId: 1, method: "DELETE", key: "b", seq: 3, undoes: "a", state: "waiting" },
    { ...put(2, "c"), seq: 4, undoes: null, state: "refused", error: { code: "no_claim", status: 409, message: "No." } },
  ];
  const adopted = saver.adopt(entries);
  equal(saver.adopt(entries), [], "twice is once");
  await settled();
  equal(adopted[1].undoes.key, "a");
  equal(sent, ["PUT 9 held", "PUT 1 mine", "PUT 1 a", "DELETE 1 b"], "mine was under way already");
  equal(saver.refused.map(({ key }) => key), ["c"]);
});

test("an earlier word about the same image in another tab is waited for, a later one is not", async () => {
  const keeper = keeperWith([{ imageId: 1, key: "theirs", seq: 5 }]);
  const sent = [];
  const saver = new Saver({ send: async ({ key }) => sent.push(key), onChange: () => {}, timers: clock().timers, keeper });
  saver.adopt([{ ...put(1, "later"), seq: 6, state: "waiting" }, { ...put(2, "free"), seq: 8, state: "waiting" }]);
  await settled();
  equal([sent, saver.waiting], [["free"], 2]);
  keeper.elsewhere = [{ imageId: 1, key: "theirs", seq: 7 }];
  saver.pump();
  await settled();
  equal(sent, ["free", "later"]);
});

test("in another person's session everything is kept and nothing is tried until somebody comes back", async () => {
  const time = clock();
  const answers = [refused(409, "another_person")];
  const sent = [];
  const keeper = keeperWith();
  const send = async ({ key }) => {
    sent.push(key);
    if (answers.length) throw answers.shift();
  };
  const saver = new Saver({ send, onChange: () => {}, timers: time.timers, keeper });
  saver.add(put(1, "a"));
  saver.add(put(1, "b"));
  await time.pass(3_600_000);
  equal([sent, saver.trouble, saver.waiting, saver.refused, keeper.asked], [["a"], "another_person", 2, [], ["keep a", "keep b"]]);
  saver.wake();
  await settled();
  equal([sent, saver.waiting], [["a", "a", "b"], 0]);
});

test("a final no is kept until it was read, unless the person has said something else since", async () => {
  const keeper = keeperWith();
  const answers = [refused(409, "no_claim"), refused(409, "no_claim")];
  const send = async () => {
    if (answers.length) throw answers.shift();
  };
  const saver = new Saver({ send, onChange: () => {}, timers: clock().timers, keeper });
  const first = saver.add(put(1, "a"));
  saver.add(put(2, "b"));
  saver.add(put(2, "b anew"));
  await settled();
  equal([saver.refused.map(({ key }) => key), keeper.asked.filter((what) => what.startsWith("refuse"))], [["a"], ["refuse a"]]);
  saver.dismiss(first);
  equal([saver.refused, keeper.asked.at(-1)], [[], "forget a"]);
});

test("when the server answers again, the rest goes at once and the page is told", async () => {
  const { saver, sent, alarms } = saverWith([away()]);
  let isBack = 0;
  saver.onBack = () => (isBack += 1);
  saver.add(put(1, "a"));
  await settled();
  for (const id of [2, 3]) saver.add(put(id, `k${id}`));
  alarms[0].wake();
  await settled();
  equal([sent.length, isBack, saver.waiting], [4, 1, 0]);
});
