// The review grid: build the parts, connect them to the page, draw after each change.

import { call } from "../api.js";
import { el, readJson } from "../dom.js";
import { Stopwatch } from "../label/stopwatch.js";
import { troubleOf } from "../label/trouble.js";
import { newUuid } from "../label/uuid.js";
import { Words } from "../label/words.js";
import { Book } from "./book.js";
import { Dock } from "./dock.js";
import { Enlarger } from "./enlarge.js";
import { listenToPerson } from "./input.js";
import { GridKeys } from "./keys.js";
import { listenToPage } from "./lifecycle.js";
import { Thumbs } from "./thumbs.js";
import { Wall } from "./wall.js";

const $ = (id) => document.getElementById(id);
const config = readJson("review-config");
const words = new Words(readJson("review-texts"), document.documentElement.lang);
const { person, categories, multi } = config;
const thumbs = new Thumbs(draw);
const timers = { set: setTimeout.bind(window), clear: clearTimeout.bind(window), random: Math.random };
const book = new Book({
  server: {
    open: (page, from) =>
      call("POST", config.pages_url, { body: { page, predicted: config.predicted, min_confidence: config.min, max_confidence: from }, person }),
    answer: (body, key) => call("POST", config.reviews_url, { body, key, person }),
    keep: (page) => call("PATCH", `${config.pages_url}${page}/`, { person }),
  },
  prepare: (tile) => thumbs.prepare(tile),
  isReady: (tile) => thumbs.isReady(tile),
  project: config,
  stopwatch: new Stopwatch(),
  newUuid,
  onChange: changed,
  timers,
});
const keys = new GridKeys({ categories, multi, actions: config.actions, own: config.own_keys, single: config.single_keys });
const wall = new Wall($("wall"), { categories, multi, words, thumbs });
const dock = new Dock($("classes"), $("filter"), {
  categories, keys, multi, predicted: config.predicted, onChoose: (id) => does.say((sheet) => sheet.choose(id)),
});
const enlarger = new Enlarger({ onClose: () => wall.follow({ focus: true }) });

const does = {
  /** Change what is marked; nothing while the page is under way to the server, and nothing unseen. */
  say(change) {
    const { sheet } = book;
    if (!sheet || book.sending || !sheet.marked.some((place) => book.painted || thumbs.isReady(book.current.tiles[place]))) return false;
    const places = sheet.marked;
    if (!change(sheet)) return false;
    announceChange(places);
    draw();
    return true;
  },
  choose: ({ index }) => does.say((sheet) => sheet.choose(categories[index].id)),
  none: () => does.say((sheet) => sheet.chooseNone()),
  back: () => does.say((sheet) => sheet.sendBack()),
  step({ direction, extend }) {
    const seen = document.documentElement.dir === "rtl" ? ({ left: "right", right: "left" }[direction] ?? direction) : direction;
    if (!book.sheet?.step(seen, wall.columns, { extend })) return;
    moved();
  },
  point({ place, extend }) {
    const { sheet } = book;
    if (!sheet) return;
    if (extend) sheet.moveTo(place, { extend });
    else if (categories.length === 2 && !multi) return void pointAtOneOfTwo(place);
    else sheet.pin(place);
    moved();
  },
  hover({ place }) {
    if (enlarger.isOpen || !book.sheet?.hover(place)) return;
    if (wall.root.contains(document.activeElement)) wall.follow({ focus: true });
    draw();
  },
  confirm() {
    if (enlarger.isOpen) return void enlarger.close();
    if (!book.confirm()) announce(waitingFor());
  },
  undo: () => {
    if (book.undo()) draw();
  },
  undo_page: () => book.undoPage(),
  enlarge() {
    if (enlarger.isOpen) return void enlarger.close();
    if (book.sheet) enlarge();
  },
  leave() {
    if (enlarger.isOpen || !book.sheet?.unmark()) return false;
    draw();
  },
  help: () => $("help").showModal(),
  filter: () => ($("filter").hidden ? false : void $("filter").focus()),
};

/** Of two classes the other one is meant: one click. */
function pointAtOneOfTwo(place) {
  const { sheet } = book;
  sheet.moveTo(place);
  const [now] = sheet.categoriesAt(place) ?? [];
  does.say(() => sheet.choose(categories.find(({ id }) => id !== now).id));
  moved();
}

function moved() {
  wall.follow({ focus: true });
  if (enlarger.isOpen) enlarge();
  draw();
}

function enlarge() {
  const { tiles, sheet } = book.current;
  void enlarger.show(tiles[sheet.current], words.say("place_of", { n: sheet.current + 1, total: tiles.length }), tiles[sheet.current + 1]);
  drawEnlarged();
}

/** What is said of the enlarged image: the keys answer it there too. */
function drawEnlarged() {
  const { sheet } = book;
  const now = sheet.categoriesAt(sheet.current);
  const changed = sheet.said[sheet.current] !== null;
  $("large-said").replaceChildren(...(changed ? [words.say("changed_to"), " "] : []), ...(now ? wall.names(now) : [words.say("back_to_labeling")]));
}

// ---------------------------------------------------------------- drawing

function changed(what) {
  if (what === "saved" || what === "undone") {
    if (enlarger.isOpen) enlarger.close();
    announce(words.say(what === "saved" ? "say_saved" : "say_undone", { n: what === "saved" ? book.last.page.tiles.length : book.current.tiles.length }));
  }
  if (what === "postponed") announce(stateInWords());
  draw();
}

function draw() {
  const { current, sheet, sending } = book;
  document.documentElement.dataset.page = current?.id ?? "";
  wall.root.classList.toggle("sending", sending !== null);
  wall.root.setAttribute("aria-busy", String(sending !== null));
  if (wall.draw(current)) delete document.documentElement.dataset.painted;
  $("finished").hidden = !book.isFinished;
  $("dock").hidden = book.isFinished;
  $("loading").hidden = Boolean(current || book.isFinished || book.feedTrouble);
  if (enlarger.isOpen && current) drawEnlarged();
  dock.press(sheet ? (sheet.categoriesAt(sheet.current) ?? []) : []);
  drawConfirm();
  drawCounts();
  drawNotices();
  paintWhenReady();
}

function drawConfirm() {
  const button = $("confirm");
  // Not disabled: it would lose the focus, and could not say why.
  button.setAttribute("aria-disabled", String(!book.mayConfirm));
  $("confirm-text").textContent = book.sending ? words.say("state_saving") : book.missing ? waitingFor() : confirmInWords(book.sheet?.counts);
}

function waitingFor() {
  if (book.sending) return stateInWords();
  return book.missing ? words.say("waiting_for", { n: book.missing }) : words.say("loading");
}

function confirmInWords(counts) {
  if (!counts) return words.say("loading");
  const parts = Object.entries(counts).filter(([, n]) => n);
  return parts.map(([kind, n], place) => words.say(place ? kind : `${kind}_first`, { n })).join(words.say("and_then"));
}

function drawCounts() {
  const here = book.current?.tiles.length ?? 0;
  const left = book.isFinished ? 0 : Math.max(here, config.waiting - book.done);
  const total = words.number(left) + (config.more_waiting && left ? "+" : "");
  $("what").hidden = book.isFinished;
  $("count").textContent = book.current ? words.say("n_of_total", { n: here, total }) : "";
  document.querySelector(".chooser [aria-current] .num")?.replaceChildren(total);
  const { last } = book;
  $("last-page").hidden = !last;
  if (last) $("last-page-text").textContent = words.say("last_page", { n: last.page.tiles.length, seconds: Math.round(last.seconds * 10) / 10 });
  $("undo-page").disabled = book.sending !== null;
}

/** What must not be missed, above the grid; buttons stay as long as the sentence is the same. */
function drawNotices() {
  const notices = [];
  const { sending, feedTrouble } = book;
  if (sending?.error) notices.push(trouble(sending.error, stateInWords()));
  else if (feedTrouble && !book.current) notices.push(trouble(feedTrouble, troubleOf(feedTrouble) ? words.say("no_images") : feedTrouble.message));
  for (const { image, message } of book.refused) {
    const text = image ? words.say("refused", { name: image.name, message }) : message;
    notices.push({ text, image, actions: [] });
  }
  if (book.refused.length) notices.at(-1).actions.push(button(words.say("dismiss"), () => ((book.refused = []), draw())));
  const said = notices.map(({ text }) => text).join("\n");
  if ($("notices").dataset.said === said) return;
  $("notices").dataset.said = said;
  $("notices").replaceChildren(
    ...notices.map(({ text, image, actions }) =>
      el(
        "p",
        { class: "note error row wrap" },
        ...(image ? [el("img", { src: image.thumbnail_url, alt: "", width: "48", height: "36" })] : []),
        el("span", { class: "grow" }, text),
        ...actions,
      ),
    ),
  );
}

function trouble(error, text) {
  const kind = troubleOf(error);
  if (kind === "another_person") return { text: words.say("another_person", { name: error.details.signed_in_as ?? "" }), actions: [] };
  const actions = kind ? [button(words.say("try_now"), () => book.wake())] : [];
  if (kind === "signed_out") actions.unshift(el("a", { href: config.login_url, target: "_blank", rel: "noopener", class: "btn" }, words.say("log_in")));
  return { text, actions };
}

/** The state of the page that is under way, in one sentence. */
function stateInWords() {
  const { sending } = book;
  if (!sending) return "";
  const kind = sending.error ? troubleOf(sending.error) : "saving";
  return kind === "saving" ? words.say("state_saving") : words.say(`${sending.kind}_${kind === "another_person" ? "offline" : kind}`, { n: sending.page.tiles.length });
}

function button(text, onClick) {
  const made = el("button", { type: "button", class: "btn" }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Keys count from the moment the images are really on the screen: after the frame that drew the last of them. */
function paintWhenReady() {
  const { current: page } = book;
  if (!page || book.painted || book.missing) return;
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (book.current !== page || book.painted) return;
      book.markPainted();
      does.hover({ place: underMouse() });
      document.documentElement.dataset.painted = page.id;
      drawConfirm();
    };
    port2.postMessage(0);
  });
}

function announce(text) {
  $("live").textContent = text;
}

function announceChange(places) {
  const { tiles, sheet } = book.current;
  const [place] = places;
  const categoriesNow = sheet.categoriesAt(place);
  const names = categoriesNow?.map((id) => categories.find((category) => category.id === id)?.name ?? "…");
  const answer = names ? (names.length ? words.list(names) : words.say("none")) : words.say("back_to_labeling");
  announce(places.length > 1 ? words.say("say_changed_many", { n: places.length, answer }) : words.say("say_changed", { name: tiles[place].image.name, answer }));
}

const { underMouse } = listenToPerson({ keys, wall, does, isEnlarged: () => enlarger.isOpen });
listenToPage({ book, thumbs, config, person });
$("threshold").addEventListener("change", () => $("threshold").form.submit());
draw();
void book.feed();
