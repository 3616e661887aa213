import { Refused, Unreachable } from "/static/js/api.js";
import { Stopwatch } from "/static/js/label/stopwatch.js";
import { Book } from "/static/js/review/book.js";
import { equal, settled, test } from "./harness.js";

const away = () => new Unreachable(new TypeError("Failed to fetch"));
const CAT = 1;

/** A book with a server, decoded images and a clock in our hands: pages of two. */
function bookWith({ pages = 3, answers = [], opens = [] } = {}) {
  const log = [];
  const alarms = [];
  let given = 0;
  let now = 0;
  const notReady = new Set();
  const server = {
    open: async (page, from) => {
      log.push(`open ${page} from ${from}`);
      const failure = opens.shift();
      if (failure) throw failure;
      if (given >= pages) return { items: [], calibrated: true };
      given += 1;
      const items = [0, 1].map((k) => ({ image: { id: given * 10 + k, name: `Image ${given * 10 + k}` }, category_ids: [CAT], probability: 1 - given / 10 - k / 100 }));
      return { items, calibrated: true };
    },
    answer: async (body, key) => {
      log.push(`answer ${key} ${body.items.map(({ image, categories, answer }) => `${image}:${answer ?? categories}`).join(" ")}`);
      const failure = answers.shift();
      if (failure instanceof Error) throw failure;
      return failure ?? { results: body.items.map(({ image }) => ({ image, result: "saved" })) };
    },
    keep: async (page) => log.push(`keep ${page}`),
  };
  let names = 0;
  const book = new Book({
    server,
    prepare: () => {},
    isReady: ({ image }) => !notReady.has(image.id),
    project: { multi: false, labelSet: 4 },
    stopwatch: new Stopwatch(() => now),
    newUuid: () => `u${(names += 1)}`,
    onChange: () => {},
    timers: { set: (wake, ms) => alarms.push({ wake, ms }), clear: () => {}, random: () => 0 },
  });
  return { book, log, alarms, notReady, tick: (ms) => (now += ms) };
}

const shown = (book) => book.current?.tiles.map(({ image }) => image.id) ?? null;

test("a page is shown and the next one fetched before it is needed, from where the first ended", async () => {
  const { book, log } = bookWith();
  await book.feed();
  equal([shown(book), book.ahead.length], [[10, 11], 1]);
  equal(log, ["open u1 from 1", "open u2 from 0.8905"]);
});

test("confirming sends the page once, turns it, and fetches another", async () => {
  const { book, log, tick } = bookWith();
  await book.feed();
  book.markPainted();
  tick(9_400);
  book.sheet.choose(2);
  equal(book.confirm(), true);
  equal(shown(book), [10, 11], "it stays until the server has said yes");
  await settled();
  equal([shown(book), book.last.seconds, book.done, book.ahead.length], [[20, 21], 9.4, 2, 1]);
  equal(log.filter((line) => line.startsWith("answer")), ["answer u3 10:2 11:1"]);
  equal(book.confirm(), false, "the new page is not painted yet");
});

test("what is not painted, or not loaded, is not confirmed; what is sent back needs no look", async () => {
  const { book, notReady } = bookWith();
  await book.feed();
  equal(book.confirm(), false);
  book.markPainted();
  notReady.add(11);
  equal([book.missing, book.confirm()], [1, false]);
  book.sheet.moveTo(1);
  book.sheet.sendBack();
  equal([book.missing, book.confirm()], [0, true]);
});

test("without a network the page stays, and is sent again with the same key until it is there", async () => {
  const { book, log, alarms } = bookWith({ answers: [away(), away()] });
  await book.feed();
  book.markPainted();
  book.confirm();
  await settled();
  equal([shown(book), book.atRisk, book.confirm(), book.undo()], [[10, 11], true, false, false]);
  equal(alarms.at(-1).ms, 1000);
  alarms.at(-1).wake();
  await settled();
  equal(alarms.at(-1).ms, 2000);
  book.wake();
  await settled();
  equal([shown(book), book.atRisk], [[20, 21], false]);
  equal(new Set(log.filter((line) => line.startsWith("answer"))).size, 1, "the same call every time");
});

test("a refusal of the whole call leaves the page as it is, to be confirmed again", async () => {
  const { book } = bookWith({ answers: [new Refused(403, { code: "not_allowed", message: "You have left." })] });
  await book.feed();
  book.markPainted();
  book.confirm();
  await settled();
  equal([shown(book), book.refused, book.sending], [[10, 11], [{ message: "You have left." }], null]);
  equal(book.confirm(), true);
});

test("an image that is refused is named, and the page turns all the same", async () => {
  const results = [{ image: 10, result: "saved" }, { image: 11, result: "refused", error: { code: "no_claim", message: "Not yours." } }];
  const { book } = bookWith({ answers: [{ results }] });
  await book.feed();
  book.markPainted();
  book.confirm();
  await settled();
  equal([shown(book), book.refused], [[20, 21], [{ image: { id: 11, name: "Image 11" }, message: "Not yours." }]]);
});

test("undo takes back the last change, then page after page", async () => {
  const { book, log } = bookWith();
  await book.feed();
  for (const page of [1, 2]) {
    book.markPainted();
    if (page === 1) book.sheet.sendBack();
    book.confirm();
    await settled();
  }
  book.markPainted();
  book.sheet.choose(2);
  equal([book.undo(), book.sheet.isTouched], [true, false]);
  book.undo();
  await settled();
  equal([shown(book), book.done], [[20, 21], 2]);
  book.undo();
  await settled();
  equal([shown(book), book.sheet.counts.back, book.ahead.map(({ tiles }) => tiles[0].image.id)], [[10, 11], 1, [20, 30]]);
  equal(log.filter((line) => line.includes("undo")).map((line) => line.replace(/ u\d+/, "")), ["answer 20:undo 21:undo", "answer 10:undo 11:undo"]);
});

test("nothing left: it says so, and looking again may find something", async () => {
  const { book } = bookWith({ pages: 1 });
  await book.feed();
  equal([shown(book), book.ahead.length, book.isFinished], [[10, 11], 0, false]);
  book.markPainted();
  book.confirm();
  await settled();
  equal([shown(book), book.isFinished], [null, true]);
  book.undo();
  await settled();
  equal([shown(book), book.isFinished], [[10, 11], false]);
});

test("pages that do not come are asked for again under the same name", async () => {
  const { book, log, alarms } = bookWith({ opens: [away()] });
  await book.feed();
  equal([shown(book), book.feedTrouble instanceof Unreachable], [null, true]);
  alarms.at(-1).wake();
  await settled();
  equal([log.slice(0, 2), book.feedTrouble], [["open u1 from 1", "open u1 from 1"], null]);
});

test("somebody else is logged in: nothing more is asked for or sent", async () => {
  const other = () => new Refused(409, { code: "another_person", message: "You are bea.", signed_in_as: "bea" });
  const { book, alarms } = bookWith({ answers: [other()] });
  await book.feed();
  book.markPainted();
  book.confirm();
  await settled();
  equal([book.isSomebodyElses, alarms.length, shown(book)], [true, 0, [10, 11]]);
});

test("leases of what is held are renewed", async () => {
  const { book, log } = bookWith();
  await book.feed();
  await book.keep();
  equal(log.slice(2), ["keep u1", "keep u2"]);
});
