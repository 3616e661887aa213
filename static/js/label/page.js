// The labeling screen: build the parts, connect them to the page, draw after each change.

import { call } from "../api.js";
import { readJson } from "../dom.js";
import { Dock } from "./dock.js";
import { Film } from "./film.js";
import { ImageStore } from "./images.js";
import { listenToPerson } from "./input.js";
import { assignKeys } from "./keys.js";
import { ImageQueue } from "./queue.js";
import { Saver, troubleOf } from "./saver.js";
import { Session } from "./session.js";
import { Stopwatch } from "./stopwatch.js";
import { newUuid } from "./uuid.js";
import { View } from "./view.js";
import { Viewing } from "./viewing.js";
import { Words } from "./words.js";

const config = readJson("label-config");
const words = new Words(readJson("label-texts"), document.documentElement.lang);
// A new name for each load: the page before gave its images back, and that may still be on its way.
const client = newUuid();
const timers = { set: setTimeout.bind(window), clear: clearTimeout.bind(window), random: Math.random };
const labelUrl = (id) => `/api/images/${id}/label/`;
const claimUrl = (id) => `/api/images/${id}/claim/`;

const images = new ImageStore(draw);
const queue = new ImageQueue({
  fetchClaims: (count) => call("POST", config.claims_url, { body: { count, client } }),
  prepare: (claim) => images.prepare(claim),
});
const saver = new Saver({
  send: ({ imageId, method, body, key }) => call(method, labelUrl(imageId), { body, key }),
  onChange: draw,
  timers,
});
const session = new Session({
  project: config,
  queue,
  saver,
  stopwatch: new Stopwatch(),
  newKey: newUuid,
  onChange: changed,
  timers,
});
const keys = assignKeys(config.categories);
const viewing = new Viewing();
const view = new View({ words, viewer: viewing.viewer });
const dock = new Dock(document.getElementById("keys"), {
  categories: config.categories,
  keys,
  multi: config.multi,
  words,
  onChoose: (place) => session.choose(place),
});
const film = new Film(document.getElementById("film"), {
  describe: (answered) => words.say("change_answer", { answer: answerInWords(answered.choice) }),
  onOpen: (answered) => session.open(answered),
  categories: config.categories,
});
let shown = null; // the claim whose image is in the frame
let answeredAt = null; // for the measurement "key to next image painted"

function changed(what, answered) {
  if (what === "answered") {
    answeredAt = performance.now();
    dock.flash((answered.choice.categories ?? []).map(placeOf));
  }
  if (["answered", "undone", "opened", "left"].includes(what)) {
    shown = null;
    delete document.documentElement.dataset.painted;
  }
  draw();
  const said = { answered: "say_answered", undone: "say_undone", opened: "say_opened" }[what];
  if (said) view.announce(words.say(said, { answer: answerInWords(answered.choice), n: session.done + 1 }));
}

function draw() {
  drawStage();
  const { suggestion, enter, editing, history, refused } = session;
  dock.suggest(suggestion, queue.current?.prelabel ?? null);
  dock.press(session.chosen);
  view.guideAt(suggestion);
  view.enter(enter, enter.places.map(nameAt));
  view.editing(editing ? words.say("editing", { answer: answerInWords(editing.choice) }) : "");
  view.ready(queue.ahead.filter((claim) => images.isReady(claim)).length);
  view.progress(session.done, Math.max(0, Math.min((queue.remaining ?? Infinity) + queue.held.length, config.images - session.done)));
  view.saving(saver);
  const isSignedOut = [saver.trouble, session.feedTrouble && troubleOf(session.feedTrouble)].includes("signed_out");
  view.notices([...refused.map(refusal), ...(isSignedOut ? [signedOut()] : [])]);
  film.draw(history);
}

function drawStage() {
  const claim = queue.current;
  if (claim && claim === shown) return;
  shown = null;
  if (!claim) return drawNothing();
  const { state, img } = images.prepare(claim);
  if (state === "ready") return paint(claim, img);
  if (state === "failed") view.state("failed", { title: words.say("image_failed"), text: words.say("image_failed_more") });
  else view.state("loading", { title: words.say("loading") });
}

function drawNothing() {
  const { feedTrouble } = session;
  if (feedTrouble) {
    const retry = view.button(words.say("try_now"), () => void session.feed({ now: true }));
    return view.state("trouble", { title: words.say("no_images"), text: feedTrouble.message, actions: [retry] });
  }
  if (queue.loading || queue.remaining === null) return view.state("loading", { title: words.say("loading") });
  const again = view.button(words.say("check_again"), () => void session.feed({ now: true }));
  view.state("finished", { title: words.say("finished"), text: words.say("finished_more"), actions: [again] });
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

/** -1: the class was retired since. */
function placeOf(id) {
  return config.categories.findIndex((category) => category.id === id);
}

function nameAt(place) {
  return config.categories[place].name;
}

function answerInWords(choice) {
  if (choice.answer) return words.say(choice.answer);
  const names = choice.categories.map((id) => config.categories[placeOf(id)]?.name ?? "…");
  return names.length ? words.list(names) : words.say("none");
}

/** An answer, or the taking back of one, that the server will not have: what and why, until the person lets it go. */
function refusal(answered) {
  const { sending, choice } = answered;
  const text = words.say(sending.method === "PUT" ? "refused" : "undo_refused", {
    answer: answerInWords(choice),
    message: sending.error.message,
  });
  const show = view.button(words.say("show_image"), () => session.open(answered));
  const dismiss = view.button(words.say("dismiss"), () => session.dismiss(answered));
  return { text, actions: sending.method === "PUT" ? [show, dismiss] : [dismiss] };
}

function signedOut() {
  const login = Object.assign(document.createElement("a"), { href: config.login_url, target: "_blank", rel: "noopener", className: "btn" });
  login.textContent = words.say("log_in");
  return { text: words.say("signed_out"), actions: [login] };
}

listenToPerson({ session, keys, viewing });

addEventListener("online", () => {
  saver.wake();
  if (session.feedTrouble) void session.feed({ now: true });
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return session.stopwatch.pause();
  if (session.painted) session.stopwatch.resume();
  saver.wake();
  if (!queue.current) void session.feed({ now: true });
});
setInterval(() => document.hidden || void session.renew(), (config.lease_seconds * 1000) / 3);

addEventListener("beforeunload", (event) => {
  if (saver.waiting) event.preventDefault(); // the browser asks; answers would be lost
});
addEventListener("pagehide", () => {
  // The page will not see the outcome. An image that could not be given back returns when its lease ends.
  const unseen = () => {};
  for (const { imageId, method, body, key } of saver.heads) call(method, labelUrl(imageId), { body, key, keepalive: true }).catch(unseen);
  for (const id of queue.unanswered) call("DELETE", claimUrl(id), { keepalive: true }).catch(unseen);
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  queue.restart(); // what was held has been given back
  session.clear();
  void session.feed({ now: true });
});

if (config.categories.length) {
  draw();
  void session.feed({ now: true });
} else {
  view.state("no_classes", { title: words.say("no_classes"), text: words.say("no_classes_more") });
}
