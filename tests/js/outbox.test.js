import { Keeper } from "/static/js/label/keeper.js";
import { Outbox } from "/static/js/label/outbox.js";
import { Tabs } from "/static/js/label/tabs.js";
import { equal, test } from "./harness.js";

// The browser's own IndexedDB and BroadcastChannel. Locks are ours: this page's origin has none, as a laboratory's
// server without https has none.
let serial = 0;
const newName = () => `outbox test ${++serial}`;
const entry = (key, more = {}) => ({ key, person: 7, tab: "a", imageId: 1, method: "PUT", state: "waiting", note: {}, ...more });
const keysOf = (entries) => entries.map(({ key }) => key);
const real = { set: (run, ms) => setTimeout(run, Math.min(ms, 50)), clear: clearTimeout.bind(window) };

test("entries come back in the order in which they were made, each person's apart", async () => {
  const outbox = new Outbox({ name: newName() });
  // Not waited for one by one: that is how answers come.
  await Promise.all(["c", "a", "b"].map((key) => outbox.add(entry(key))));
  await outbox.add(entry("another's", { person: 8 }));
  equal([keysOf(await outbox.all(7)), keysOf(await outbox.all(8))], [["c", "a", "b"], ["another's"]]);
});

test("another tab, and a later page, read what this one wrote", async () => {
  const name = newName();
  const first = new Outbox({ name });
  await first.add(entry("a", { body: { categories: [3], seconds: 1.2 } }));
  await first.close();
  equal((await new Outbox({ name }).all(7)).map(({ body }) => body), [{ categories: [3], seconds: 1.2 }]);
});

test("what the server took is gone, what it refused stays with its reason", async () => {
  const outbox = new Outbox({ name: newName() });
  for (const key of ["a", "b", "c"]) await outbox.add(entry(key));
  await outbox.remove("a");
  await outbox.refuse("b", { code: "no_claim", status: 409, message: "No." });
  await outbox.remove("never there");
  equal((await outbox.all(7)).map(({ key, state, error }) => [key, state, error?.code ?? null]), [["b", "refused", "no_claim"], ["c", "waiting", null]]);
});

test("of two tabs that take over the same entries, one gets them", async () => {
  const name = newName();
  const [mine, yours] = [new Outbox({ name }), new Outbox({ name })];
  for (const key of ["a", "b"]) await mine.add(entry(key, { tab: "gone" }));
  await mine.add(entry("c", { tab: "there" }));
  const adopted = await Promise.all([mine.adopt(7, "mine", new Set(["gone"])), yours.adopt(7, "yours", new Set(["gone"]))]);
  equal(adopted.map(keysOf).filter((keys) => keys.length), [["a", "b"]]);
  equal(keysOf((await mine.all(7)).filter(({ tab }) => tab === "there")), ["c"]);
});

test("asked not to make a database, it makes none", async () => {
  const name = newName();
  const failed = await new Outbox({ name, mustExist: true }).all(7).catch(() => "none");
  equal([failed, (await indexedDB.databases()).some((database) => database.name === name)], ["none", false]);
});

test("a browser without IndexedDB says so instead of waiting", async () => {
  equal(await new Outbox({ factory: null }).all(7).catch(({ message }) => message), "This browser has no IndexedDB.");
});

test("after stored data were cleared the next answer opens the database anew", async () => {
  const outbox = new Outbox({ name: newName() });
  await outbox.add(entry("a"));
  await new Promise((resolve) => Object.assign(indexedDB.deleteDatabase(outbox.name), { onsuccess: resolve }));
  await outbox.add(entry("b"));
  equal(keysOf(await outbox.all(7)), ["b"]);
});

test("a connection that the browser lost in its sleep is made again", async () => {
  const outbox = new Outbox({ name: newName() });
  await outbox.add(entry("a"));
  (await outbox.opened).close(); // nobody is told
  await outbox.add(entry("b"));
  equal(keysOf(await outbox.all(7)), ["a", "b"]);
});

/** A lock manager with what we need of one. */
function lockManager() {
  const held = new Map();
  return {
    request: async (name, hold) => {
      held.set(name, true);
      await hold();
      held.delete(name);
    },
    query: async () => ({ held: [...held.keys()].map((name) => ({ name })) }),
  };
}

test("with locks: a tab is there from its arrival until it leaves", async () => {
  const locks = lockManager();
  const [a, b] = ["a", "b"].map((name) => new Tabs({ name, onNews: () => {}, locks, timers: real }));
  await Promise.all([a.arrive(), b.arrive()]);
  equal([...(await a.alive(["b", "c"]))], ["b"]);
  b.leave();
  await new Promise((resolve) => setTimeout(resolve));
  equal([...(await a.alive(["b", "c"]))], []);
  a.leave();
});

test("without locks the roll is called, and who is gone does not answer", async () => {
  const [a, b] = ["a", "b"].map((name) => new Tabs({ name, onNews: () => {}, locks: undefined, timers: real }));
  await Promise.all([a.arrive(), b.arrive()]);
  equal([...(await a.alive(["b", "gone"]))], ["b"]);
  b.leave();
  equal([...(await a.alive(["b", "gone"]))], []);
  a.leave();
});

test("where locks are refused the roll is called", async () => {
  const locks = { request: () => Promise.reject(new DOMException("not here", "SecurityError")) };
  const [a, b] = ["a", "b"].map((name) => new Tabs({ name, onNews: () => {}, locks, timers: real }));
  await Promise.all([a.arrive(), b.arrive()]);
  equal([...(await a.alive(["b", "gone"]))], ["b"]);
  a.leave();
  b.leave();
});

/** A keeper of one tab; `adopted` are the keys it took over. */
function keeperOf(name, tab, { person = 7, outbox = new Outbox({ name }) } = {}) {
  const adopted = [];
  const tabs = new Tabs({ name: tab, onNews: () => void keeper.look(), locks: undefined, timers: real });
  const keeper = new Keeper({ outbox, tabs, person, onAdopted: (entries) => adopted.push(...keysOf(entries)), onChange: () => {}, timers: real });
  return { keeper, adopted };
}
const sending = (key, imageId = 1) => ({ imageId, method: "PUT", body: {}, key, note: {} });
const until = async (holds) => {
  for (let turn = 0; !(await holds()); turn += 1) {
    if (turn > 300) throw new Error("it never came true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

test("a tab sees what another one has to send, and takes it over when that one is gone", async () => {
  const name = newName();
  const [one, two] = [keeperOf(name, "one"), keeperOf(name, "two")];
  await Promise.all([one.keeper.start(), two.keeper.start()]);
  one.keeper.keep(sending("a"));
  await until(() => two.keeper.elsewhere.length === 1);
  equal(two.adopted, []);
  one.keeper.leave();
  await until(() => two.adopted.length === 1);
  equal([two.adopted, two.keeper.elsewhere], [["a"], []]);
  two.keeper.leave();
});

test("a tab that was killed says no good-bye and is noticed all the same", async () => {
  const name = newName();
  await new Outbox({ name }).add(entry("a", { tab: "killed" }));
  const { keeper, adopted } = keeperOf(name, "heir");
  await keeper.start();
  equal(adopted, ["a"]);
  keeper.leave();
});

test("another person's entries are neither read nor taken over", async () => {
  const name = newName();
  const outbox = new Outbox({ name });
  await outbox.add(entry("a", { tab: "killed", person: 8 }));
  const { keeper, adopted } = keeperOf(name, "heir");
  await keeper.start();
  equal([adopted, keeper.elsewhere, (await outbox.all(8))[0].tab], [[], [], "killed"]);
  keeper.leave();
});

test("what is saved before it was written down does not stay behind", async () => {
  const name = newName();
  const { keeper } = keeperOf(name, "one");
  await keeper.start();
  const one = sending("a");
  keeper.keep(one);
  await keeper.forget(one); // the server was quicker than the disk
  equal([one.kept, await new Outbox({ name }).all(7)], ["yes", []]);
  keeper.leave();
});

test("without IndexedDB nothing fails, and it is known what is at risk", async () => {
  const { keeper } = keeperOf(newName(), "one", { outbox: new Outbox({ factory: null }) });
  await keeper.start();
  const one = sending("a");
  keeper.keep(one);
  await one.written;
  await keeper.forget(one);
  equal([keeper.works, keeper.isRead, one.kept], [false, true, "no"]);
  keeper.leave();
});
