// Crops of objects: all of these are of one class, which are not? Marks, the answer of a page, and the page before.
// The address and the words come from the page; what a crop looks like is cropview.js's.

import { call } from "../api.js";
import { el, keyTarget, readJson } from "../dom.js";
import { cropped } from "./cropview.js";

const $ = (id) => document.getElementById(id);
const config = readJson("crops-config");
const wall = $("crops");
let page = { model: config.model, items: [], wrong: new Set() };
let before = null;
let at = 0;
let busy = false;
let done = 0;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => String(values[name] ?? ""));
const url = `${config.url}?category=${config.category}`;

/** What a request gives, or a sentence above the crops where it fails; what is marked stays. */
async function trying(work) {
  if (busy) return;
  busy = true;
  wall.setAttribute("aria-busy", "true");
  $("crops-trouble").textContent = "";
  try {
    await work();
  } catch (error) {
    $("crops-trouble").append(el("p", { class: "note error" }, error.status ? error.message : config.texts.unreachable));
  }
  busy = false;
  wall.removeAttribute("aria-busy");
}

async function load() {
  const { model, items, choices } = await call("GET", url, { person: config.person });
  const mine = choices.find((one) => one.category_id === config.category);
  show({ model, items, wrong: new Set() }, mine?.waiting ?? 0);
}

function show(next, waiting) {
  page = next;
  at = 0;
  wall.replaceChildren(...page.items.map(tile));
  wall.hidden = $("crops-dock").hidden = !page.items.length;
  $("crops-none").hidden = Boolean(page.items.length);
  if (waiting !== undefined) $("crops-left").textContent = fill(config.texts.left, { n: waiting });
  draw();
  if (page.items.length) focus(0);
  document.documentElement.dataset.crops = String(done);
}

function tile(one, place) {
  const button = el("button", { type: "button", class: "crop", "aria-pressed": "false", tabindex: "-1" }, cropped(one));
  button.append(el("span", { class: "vh" }, fill(config.texts.place, { n: place + 1, total: page.items.length, image: one.image })));
  button.append(el("span", { class: "crop-p num" }, one.probability === null ? "" : one.probability.toFixed(2)));
  button.append(el("span", { class: "crop-no" }, config.texts.wrong));
  button.addEventListener("click", () => {
    at = place;
    mark(place);
  });
  button.addEventListener("focus", () => {
    at = place;
    draw();
  });
  return el("li", {}, button);
}

const buttons = () => [...wall.querySelectorAll("button")];

function mark(place) {
  if (busy || !page.items[place]) return;
  if (!page.wrong.delete(place)) page.wrong.add(place);
  draw();
}

function draw() {
  buttons().forEach((button, place) => {
    const wrong = page.wrong.has(place);
    button.setAttribute("aria-pressed", String(wrong));
    button.tabIndex = place === at ? 0 : -1;
  });
  $("crops-confirm-text").textContent = fill(config.texts.confirm, { n: page.items.length - page.wrong.size, wrong: page.wrong.size });
  $("crops-undo").disabled = !before && !page.wrong.size;
}

function focus(place) {
  const wanted = Math.max(0, Math.min(page.items.length - 1, place));
  buttons()[wanted]?.focus();
}

function confirm() {
  if (!page.items.length) return;
  void trying(async () => {
    const items = page.items.map(({ image, number }, place) => ({ image, number, verdict: page.wrong.has(place) ? "wrong" : "keep" }));
    const { results } = await call("POST", config.url, { body: { model: page.model, items }, person: config.person });
    const gone = results.filter(({ result }) => result === "gone").length;
    before = page;
    done += items.length - gone;
    page = { model: page.model, items: [], wrong: new Set() };
    await load();
    $("crops-said").textContent = fill(gone ? config.texts.saved_but : config.texts.saved, { n: items.length - gone, gone });
    wall.scrollIntoView({ block: "nearest" });
  });
}

/** Take back the marks of this page; where there are none, show the last page again: confirmed anew, it is replaced. */
function undo() {
  if (busy) return;
  if (page.wrong.size) page.wrong.clear();
  else if (before) {
    const last = before;
    before = null;
    show(last);
    $("crops-said").textContent = config.texts.again;
  }
  draw();
}

function step(key) {
  const columns = getComputedStyle(wall).gridTemplateColumns.split(" ").length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (at + by >= 0 && at + by < page.items.length) focus(at + by);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || keyTarget(event).closest("input, select, textarea, a, summary")) return;
  const onOther = keyTarget(event).closest("button") && !wall.contains(keyTarget(event));
  if (event.key.startsWith("Arrow")) step(event.key);
  else if (event.key === "Enter" && !onOther) confirm();
  else if (event.key === " " && !onOther) mark(at);
  else if (event.key.toLowerCase() === "z" && config.single_keys) undo();
  else return;
  event.preventDefault();
});
// Firefox clicks when the space bar comes up, whatever was done when it went down: the mark would be taken back.
wall.addEventListener("keyup", (event) => event.key === " " && event.preventDefault());
$("crops-confirm").addEventListener("click", confirm);
$("crops-undo").addEventListener("click", undo);
void trying(load);
