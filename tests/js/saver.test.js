import { Refused, Unreachable } from "/static/js/api.js";
import { Saver } from "/static/js/label/saver.js";
import { pauseAfter } from "/static/js/label/trouble.js";
import { equal, settled, test } from "./harness.js";

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
  for (const [error, trouble] of [[refused(503, "busy"), "busy"], [refused(429, "throttled"), "busy"], [refused(500, ""), "busy"], [refused(401, "not_authenticated"), "signed_out"], [refused(403, "csrf_failed"), "signed_out"]]) {
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
