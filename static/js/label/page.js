// The labeling screen: build the parts, connect them to the page, draw after each change.

import { call, Unreachable } from "../api.js";
import { readJson } from "../dom.js";
import { Dock } from "./dock.js";
import { Enlarged } from "./enlarged.js";
import { Film } from "./film.js";
import { Flag } from "./flag.js";
import { ImageStore } from "./images.js";
import { listenToPerson } from "./input.js";
import { Keys } from "./keys.js";
import { Leases } from "./leases.js";
import { letterButtons } from "./lettering.js";
import { listenToPage } from "./lifecycle.js";
import { Notices } from "./notices.js";
import { Panels } from "./panels.js";
import { Panes } from "./panes.js";
import { postFor } from "./post.js";
import { Questions } from "./questions.js";
import { ImageQueue } from "./queue.js";
import { Rail } from "./rail.js";
import { Reasons } from "./reasons.js";
import { Session } from "./session.js";
import { wordFor } from "./standing.js";
import { Stopwatch } from "./stopwatch.js";
import { newUuid } from "./uuid.js";
import { View } from "./view.js";
import { Viewing } from "./viewing.js";
import { Words } from "./words.js";

const OUTBOX_PATIENCE_MS = 1_000;
const AT_LEISURE_MS = 3_000;
const config = readJson("label-config");
const words = new Words(readJson("label-texts"), document.documentElement.lang);
// A new name for each load: the page before gave its images back, and that may still be on its way.
const client = newUuid();
const timers = { set: setTimeout.bind(window), clear: clearTimeout.bind(window), random: Math.random };
const person = config.person.id;

const images = new ImageStore(draw);
const leases = new Leases(config.lease_seconds);
const { saver, keeper } = postFor({
  person,
  tab: client,
  onChange: draw,
  onBack: () => (tryNow(), void questions.retry()),
  onSaved: (sending, saved) => saved?.feedback && void tell(sending, saved.feedback),
  onAdopted: (sendings) => session.resume(sendings),
  timers,
});
const queue = new ImageQueue({
  fetchClaims: claimsOnceTheOutboxIsRead,
  prepare: (claim) => images.prepare(claim),
  isAnsweredElsewhere: (id) => keeper.elsewhere.some(({ imageId, method }) => imageId === id && method === "PUT"),
  leases,
});
const { categories } = config;
/** Only where people draw: the board and what belongs to it. */
const drawn = config.draws ? await import("./drawn/drawing.js") : null;
const session = new (drawn?.DrawnSession ?? Session)({
  project: config,
  queue,
  saver,
  stopwatch: new Stopwatch(),
  newKey: newUuid,
  onChange: changed,
  timers,
});
const keys = new Keys({ categories, multi: config.multi, draws: Boolean(config.draws), rtl: document.documentElement.dir === "rtl" });
const ownCall = (method, url, options) => call(method, url, { ...options, person });
keys.set({ actions: Object.fromEntries(config.keys.actions.map(({ name, key }) => [name, key])), own: config.keys.own, single: config.keys.single_keys });
const announce = (text) => view.announce(text);
const drawing = drawn ? new drawn.Drawing({ config, words, session, saver, keys, person, call: ownCall, announce, timers, onChange: draw }) : null;
const viewing = new Viewing({ project: config.id, viewerFor: drawing?.viewerFor });
const view = new View({ words, viewer: drawing ?? viewing.viewer });
const choose = (place) => session.choose(place);
const dock = new Dock(document.getElementById("keys"), { categories, keys, multi: config.multi, words, onChoose: choose });
// Most projects have few classes, and the ? window is opened now and then: what is rarely needed comes when it is.
const finder = keys.mode === "many" ? (await import("./finder.js")).finderFor({ dock, categories, used: config.used, words, onChoose: choose, onChange: draw }) : null;
const panes = new Panes(document.getElementById("panes"));
const reasons = new Reasons({ session, panes, keys, announce });
const questions = new Questions({
  person,
  send: (id, text, key) => ownCall("POST", `/api/images/${id}/comments/`, { body: { text }, key }),
  newKey: newUuid,
  onChange: draw,
});
const flag = new Flag({ questions, panes, words, session, announce });
let dialog = null;
/** Null where it could not be fetched: the next time it is asked for again. */
const keysDialog = () =>
  (dialog ??= import("./keysdialog.js").then(
    ({ dialogFor }) => dialogFor({ config: config.keys, keys, categories, words, call: ownCall, onChange: () => (dock.letter(), letterButtons(keys)) }),
    () => (dialog = null),
  ));
const film = new Film(document.getElementById("film"), {
  describe: (answered) => words.say("change_answer", { answer: answerInWords(answered.choice) }),
  onOpen: (answered) => session.open(answered),
  categories: config.categories,
});
const enlarged = new Enlarged(document.getElementById("example"), { words });
const rail = new Rail({
  categories: config.categories,
  dock: document.getElementById("keys"),
  words,
  showNames: config.show_names,
  onEnlarge: (category, at) => enlarged.open(category, at),
});
const parts = { config, words, view, session, saver, keeper, questions };
const notices = new Notices({ ...parts, inWords: answerInWords });
const panels = new Panels({ ...parts, notices, onTry: () => tryNow() });
let shown = null; // the claim whose image is in the frame
let told = null; // what a gold image was, while it is shown
let answeredAt = null; // for the measurement "key to next image painted"

function changed(what, answered) {
  drawing?.changed(what, answered);
  if (what === "answered") {
    answeredAt = performance.now();
    told?.answered();
    dock.flash((answered.choice.categories ?? []).map(placeOf));
  }
  if (["answered", "undone", "opened", "left"].includes(what)) {
    shown = null;
    delete document.documentElement.dataset.painted;
    panes.close(); // what was asked there was about the image before
  }
  if (["answered", "undone", "opened", "left", "chosen"].includes(what)) finder?.clear();
  draw();
  const said = { answered: "say_answered", undone: "say_undone", opened: "say_opened" }[what];
  if (said) view.announce(words.say(said, { answer: answerInWords(answered.choice), n: session.done + 1 }));
}

function draw() {
  drawStage();
  const { suggestion, editing, history } = session;
  drawing?.draw();
  const enter = finder?.enter(session.enter) ?? session.enter;
  dock.suggest(suggestion, queue.current?.prelabel ?? null);
  dock.press(session.chosen);
  finder?.show(session.chosen.size ? [...session.chosen] : finder.text ? [] : (suggestion ?? []));
  flag.draw();
  rail.draw({ image: queue.current?.image, suggestion, chosen: session.chosen });
  view.enter(enter, enter.places.map(nameAt));
  view.editing(editing ? words.say("editing", { answer: answerInWords(editing.choice) }) : "");
  view.ready(queue.ahead.filter((claim) => images.isReady(claim)).length);
  view.progress(session.done, Math.max(0, Math.min((queue.remaining ?? Infinity) + queue.held.length, config.images - session.done)));
  view.saving(wordFor({ waiting: saver.waiting, trouble: session.trouble, refused: saver.refused.length, isRead: keeper.isRead }));
  view.notices([...(drawing?.notices(view) ?? []), ...notices.all()]);
  view.lock(session.isSomebodyElses);
  film.draw(history);
}

function drawStage() {
  const claim = queue.current;
  const next = claim && images.prepare(claim);
  if (!panels.draw(next?.state ?? "none")) return claim === shown || paint(claim, next.img);
  shown = null;
  delete document.documentElement.dataset.painted;
}

/** A key counts from the moment the image is really on the screen: after the frame that drew it. */
function paint(claim, img) {
  shown = claim;
  view.image(img, claim.image, session.done + 1);
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (shown !== claim) return;
      session.markPainted();
      document.documentElement.dataset.painted = String(claim.image.id);
      if (answeredAt !== null) performance.measure("key-to-painted", { start: answeredAt, end: performance.now() });
      answeredAt = null;
    };
    port2.postMessage(0);
  });
}

/** Some projects say at once what a gold image was. Beside the work, never in its way; without the words it goes on. */
async function tell({ imageId, note }, feedback) {
  told ??= await import("./told.js").then(({ Told }) => new Told(document.getElementById("told"), { words, categories }), () => null);
  told?.show(feedback, { imageId, said: answerInWords(note.choice, note.names) });
}

/** -1: the class was retired since. */
function placeOf(id) {
  return config.categories.findIndex((category) => category.id === id);
}

function nameAt(place) {
  return config.categories[place].name;
}

/** `kept`: names that were written down with the answer, for classes of another project or of another day. */
function answerInWords(choice, kept = []) {
  if (choice.reason) return words.say("cannot_tell_because", { reason: reasons.inWords(choice.reason) });
  if (choice.answer) return words.say(choice.answer);
  if (choice.objects) return choice.objects.length ? words.count("drawn", choice.objects.length) : words.say("drawn_none");
  const names = choice.categories.map((id, index) => config.categories[placeOf(id)]?.name || kept[index] || "…");
  return names.length ? words.list(names) : words.say("none");
}

listenToPerson({ session, keys, finder, panes, reasons, flag, viewing, drawing, more: { help: () => void keysDialog().then((it) => it?.open()) } });
letterButtons(keys);
const { tryNow } = listenToPage({ person, session, saver, keeper, images, leases, isBegun: (id) => drawing?.isBegun(id) ?? false });

/** What an earlier tab left is known before images come, so that none is offered again; nobody waits long for that. */
async function claimsOnceTheOutboxIsRead(count) {
  await drawing?.isReady; // what was drawn goes first: its images come back with it
  const asked = call("POST", config.claims_url, { body: { count, client }, person });
  const [answer] = await Promise.all([asked, outboxIsRead]);
  if (!answer?.claims) throw new Unreachable(new Error("The answer is not from our server."));
  return answer;
}

const outboxIsRead = Promise.race([keeper.start(), new Promise((resolve) => setTimeout(resolve, OUTBOX_PATIENCE_MS))]);
draw();
void session.feed({ now: true }).then(async () => {
  // Nobody waits for it, and without it one thing less is said.
  rail.setMixups((await call("GET", config.mixups_url).catch(() => null)) ?? {});
});
void questions.retry();
setTimeout(keysDialog, AT_LEISURE_MS); // so that it also opens offline
