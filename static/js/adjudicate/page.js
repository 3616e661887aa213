// Settling with one key: the next image stands there before the server has heard of the decision. What the server then says of it
// (who said what, the model's view, where we are) comes with its answer. Without this script the page is a form and does the same.

import { el, keyTarget, readJson } from "../dom.js";
import { Viewer } from "../label/viewer.js";
import { Words } from "../label/words.js";
import { actionFor, keyOf, keysOf, printed } from "./keys.js";
import { NotAPage, Pages, decoded, fetchSheet } from "./pages.js";

const $ = (id) => document.getElementById(id);
const config = readJson("adj-config");
const words = new Words(readJson("adj-texts"), document.documentElement.lang);
const keys = keysOf(config);
const pages = new Pages();
const drafts = new Map(); // image id -> a reason that was begun
const stage = el("div", { class: "stage" }, el("div", { class: "frame" }));
const viewer = new Viewer(stage, stage.firstElementChild, {
  onChange: ({ zoomed, atMost }) => {
    $("adj-smaller")?.setAttribute("aria-disabled", String(!zoomed));
    $("adj-larger")?.setAttribute("aria-disabled", String(atMost));
  },
});
let painted = false; // a key counts from the moment the image is really on the screen
let sending = Promise.resolve(); // decisions reach the server one after the other
let waiting = 0;
let latest = null; // {sheet, at}: the server's last word, and when it came
let decidedAt = null; // for the measurement "key to next image painted"

const adj = () => $("adj");
const form = () => $("adj-form");
const shownImage = () => adj().dataset.image;

// ---------------------------------------------------------------- show

/** Put the keys on the buttons and the image on the stage. */
function dress() {
  nameKeys(adj());
  const img = $("adj-image");
  if (img) {
    // The attributes: the properties tell how large it is drawn, which is nothing before it has come.
    const [width, height] = ["width", "height"].map((side) => Number(img.getAttribute(side)));
    const file_url = img.closest("a").href;
    img.draggable = false;
    img.closest("a").replaceWith(stage);
    $("adj-zoom").hidden = false;
    viewer.show(img, { id: shownImage(), width, height, file_url });
  }
  const reason = form()?.elements.reason;
  if (reason && drafts.has(shownImage()) && !reason.value) reason.value = drafts.get(shownImage());
  tellGo();
}

function nameKeys(part) {
  part.querySelectorAll("kbd[data-class]").forEach((mark, shown) => name(mark, keyOf(shown, mark.dataset.class, keys)));
  for (const mark of part.querySelectorAll("kbd[data-key]")) name(mark, keys.actions[mark.dataset.key]);
}

function name(mark, key) {
  mark.hidden = !key;
  mark.textContent = printed(key, keys);
  if (key) mark.closest("button, a, label")?.setAttribute("aria-keyshortcuts", keys.single || key.length > 1 ? key : `Alt+${key}`);
}

/** After the frame that drew it. */
function whenPainted() {
  const image = shownImage();
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (shownImage() !== image) return;
      painted = true;
      document.documentElement.dataset.painted = image ?? "none";
      if (decidedAt !== null) performance.measure("key-to-painted", { start: decidedAt, end: performance.now() });
      decidedAt = null;
    };
    port2.postMessage(0);
  });
}

/** @param {import("./pages.js").Sheet} sheet @param {string} [said] for those who do not see it */
function show(sheet, said = "") {
  const before = adj();
  const held = before.contains(document.activeElement) ? document.activeElement.id : null;
  painted = false;
  delete document.documentElement.dataset.painted;
  before.replaceWith(sheet.adj);
  if (isOld(sheet)) told(latest.sheet);
  history.replaceState(null, "", shownImage() ? pageOf(shownImage()) : sheet.url);
  dress();
  // The focus stays on the button that does the same; with none, it must not fall back to the top of the page.
  if (held !== null) (document.getElementById(held) ?? $("main")).focus({ preventScroll: true });
  if (scrollY > 0) scrollTo({ top: 0 });
  $("adj-live").textContent = [said, $("adj-title").textContent].filter(Boolean).join(" ");
  whenPainted();
  pages.prepare(adj().dataset.next);
}

/** A page from before the last decision: its image is right, what it counts is not. */
function isOld(sheet) {
  return latest !== null && sheet !== latest.sheet && sheet.asked < latest.at;
}

/** The address of an image, with what the list is narrowed to. */
function pageOf(image) {
  const url = new URL(location.href);
  url.searchParams.delete("after");
  url.searchParams.set("image", image);
  return url.pathname + url.search;
}

function keepDraft() {
  const reason = form()?.elements.reason.value.trim();
  if (reason) drafts.set(shownImage(), reason);
  else drafts.delete(shownImage());
}

/** Another image, by link or key. */
async function go(url) {
  if (!url) return;
  keepDraft();
  painted = false;
  const entry = pages.take(url);
  let sheet;
  try {
    sheet = entry.ready ?? (await entry.sheet);
  } catch {
    return location.assign(url); // the browser says what is wrong
  }
  show(sheet);
  if (isOld(sheet)) fetchSheet(pageOf(shownImage())).then(told, () => {}); // it counts wrongly until the next time
}

// ---------------------------------------------------------------- decide

/** @param {HTMLButtonElement | null} button that was pressed, or that a key stands for */
function decide(button) {
  if (!painted || !form()) return;
  decidedAt = performance.now();
  const image = shownImage();
  const body = new FormData(form(), button);
  const url = form().action;
  const said = words.say("decided", { answer: answerOf(button) });
  drafts.set(image, body.get("reason").trim()); // until the server has it
  const next = adj().dataset.next;
  // The last one of the list: what comes then, only the server knows.
  const entry = next ? pages.take(next) : null;
  painted = false;
  delete document.documentElement.dataset.painted;
  const answer = send(url, body, image, said);
  if (entry?.ready) show(entry.ready, said);
  else if (entry) entry.sheet.then((sheet) => show(sheet, said)).catch(() => location.assign(next));
  else answer.then((sheet) => (sheet ? show(sheet, said) : whenPainted()));
}

function answerOf(button) {
  if (button?.name === "undecidable") return words.say("undecidable");
  if (!config.multi) return button.querySelector(".nm").textContent;
  return chosenNames().length ? words.list(chosenNames()) : words.say("none");
}

/**
 * `waiting` counts what the server has not answered yet; the browser asks before such a page is left.
 * @returns {Promise<import("./pages.js").Sheet | null>} the server's page after it; null: it was not done
 */
function send(url, body, image, said) {
  waiting += 1;
  const sent = sending.then(() => fetchSheet(url, { method: "POST", body: new URLSearchParams(body) }));
  sending = sent.catch(() => {});
  return sent
    .then((sheet) => {
      if (sheet.refused) return refused(sheet, image);
      drafts.delete(image);
      heard(sheet);
      return sheet;
    })
    .catch((problem) => unsent(problem, () => send(url, body, image, said), image))
    .finally(() => (waiting -= 1));
}

function heard(sheet) {
  latest = { sheet, at: performance.now() };
  told(sheet);
}

/** What the server's page says beyond the image: the last decision in full, and where we are. */
function told(sheet) {
  take(sheet, "adj-just");
  take(sheet, "adj-pairs");
  const [now, then] = [adj(), sheet.adj];
  if (then !== now && now.dataset.image === then.dataset.image) {
    for (const id of ["adj-where", "adj-ways", "adj-near"]) take(sheet, id);
    Object.assign(now.dataset, { next: then.dataset.next, before: then.dataset.before });
  }
  const [tab, count] = [document.querySelector('.tabs a[href$="/adjudicate/"]'), sheet.document.getElementById("count-adjudicate")];
  $("count-adjudicate")?.remove();
  if (tab && count) tab.append(document.importNode(count, true));
  pages.refresh(adj().dataset.next);
}

/** Exchange one part for that of another page. */
function take(sheet, id) {
  const [mine, theirs] = [adj().querySelector(`#${id}`), sheet.adj.querySelector(`#${id}`)];
  if (!mine || !theirs || mine === theirs) return;
  const held = mine.contains(document.activeElement) ? document.activeElement.id : null;
  const fresh = theirs.cloneNode(true);
  mine.replaceWith(fresh);
  nameKeys(fresh);
  if (held) ($(held) ?? $("main")).focus({ preventScroll: true });
}

function refused(sheet, image) {
  const why = [...sheet.adj.querySelectorAll("#adj-notices .note")].map((note) => note.textContent.trim()).join(" ");
  const again = el("button", { type: "button", class: "btn" }, words.say("look_again"));
  const line = notice(`${words.say("image", { n: words.number(Number(image)) })}: ${why || words.say("not_done")}`, again);
  again.addEventListener("click", () => {
    line.remove();
    pages.clear();
    void go(pageOf(image));
  });
  return null;
}

function unsent(problem, retry, image) {
  const isLogin = problem instanceof NotAPage && problem.signedOut;
  const again = el("button", { type: "button", class: "btn" }, words.say("try_again"));
  const text = isLogin ? words.say("signed_out") : words.say("not_sent");
  const login = isLogin ? [el("a", { class: "btn", href: config.login_url, target: "_blank", rel: "noopener" }, words.say("log_in"))] : [];
  const line = notice(`${words.say("image", { n: words.number(Number(image)) })}: ${text}`, ...login, again);
  return new Promise((resolve) => {
    again.addEventListener("click", () => {
      line.remove();
      resolve(retry());
    });
  });
}

/** A sentence that must not be missed. It outlives the image it stands on. */
function notice(text, ...actions) {
  const line = el("p", { class: "note error row wrap" }, el("span", { class: "grow" }, text), ...actions);
  $("adj-trouble").append(line);
  return line;
}

async function undo() {
  await sending;
  const back = $("adj-undo");
  if (!back) return;
  keepDraft();
  painted = false;
  try {
    const sheet = await fetchSheet(back.action, { method: "POST", body: new URLSearchParams(new FormData(back, back.querySelector("button"))) });
    await decoded(sheet.adj);
    pages.clear();
    for (const note of sheet.document.querySelectorAll("main > .notes .note.error")) notice(note.textContent);
    show(sheet, words.say("undone"));
    heard(sheet);
  } catch {
    painted = true;
    notice(words.say("not_undone"));
  }
}

// ---------------------------------------------------------------- several classes

const boxes = () => [...(form()?.querySelectorAll("input[name=categories]") ?? [])];

function chosenNames() {
  return boxes().filter((box) => box.checked).map((box) => box.closest("label").querySelector(".nm").textContent);
}

/** @param {HTMLInputElement | HTMLButtonElement | null | undefined} control of a class */
function choose(control) {
  if (!control) return false;
  if (!config.multi) return decide(control);
  control.checked = !control.checked;
  tellGo();
}

/** The button says beforehand what Enter does. */
function tellGo() {
  const text = $("adj-go-text");
  if (text) text.textContent = words.say("decide", { answer: chosenNames().length ? words.list(chosenNames()) : words.say("none") });
}

// ---------------------------------------------------------------- listen

const does = {
  choose: (index) => choose($(`class-${config.categories[index].id}`)),
  pick: (index) => choose(form()?.querySelectorAll("[name=categories]")[index]),
  go: () => (config.multi ? decide($("adj-go")) : false),
  none() {
    if (!config.multi) return false;
    for (const box of boxes()) box.checked = false;
    tellGo();
  },
  undecidable: () => decide($("adj-undecidable")),
  next: () => void go(adj().dataset.next),
  before: () => void go(adj().dataset.before),
  why() {
    if (!form()) return false;
    form().elements.reason.focus();
  },
  undo: () => void undo(),
  leave: () => false,
  zoom: () => viewer.toggle(),
  larger: () => viewer.zoomIn(),
  smaller: () => viewer.zoomOut(),
  fit: () => viewer.toFit(),
};

document.addEventListener("keydown", (event) => {
  const target = keyTarget(event);
  if (target.closest("input:not([type=checkbox]), textarea, select, dialog, [open] > .sheet")) {
    if (event.key === "Escape" && form()?.contains(target)) target.blur(); // back to the keys
    return;
  }
  if (target.closest("button, a, summary, input") && (event.key === "Enter" || event.key === " ")) {
    if (event.repeat) event.preventDefault(); // a held Enter would settle image after image
    return;
  }
  const action = actionFor(event, keys);
  if (!action) return;
  const heard = action.kind === "pan" ? viewer.pan(...action.by) : does[action.kind](action.index);
  if (heard !== false) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  if (event.target.id === "adj-form") {
    event.preventDefault();
    decide(event.submitter);
  } else if (event.target.id === "adj-undo") {
    event.preventDefault();
    void undo();
  }
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : document.body;
  const asked = target.closest("[data-does]")?.dataset.does;
  if (asked) does[asked]();
  const way = target.closest("#adj-next, #adj-before");
  if (!way || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  void go(way.href);
});
document.addEventListener("change", (event) => event.target.name === "categories" && tellGo());

// After a click the focus stays on the button, and the next Enter or space would press it again.
document.addEventListener("pointerup", (event) => {
  const button = event.target instanceof Element ? event.target.closest("#adj button, #adj .key") : null;
  if (button) setTimeout(() => document.activeElement?.closest("#adj button, #adj .key") && document.activeElement.blur(), 0);
});

addEventListener("beforeunload", (event) => {
  if (waiting) event.preventDefault(); // a decision would be lost
});

$("adj-image")?.decode().catch(() => {}).then(whenPainted) ?? whenPainted();
dress();
pages.prepare(adj().dataset.next);
