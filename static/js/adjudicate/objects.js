// Settling drawn objects: the agreed ones are on the board, the open places beside it, each with what people drew there. A place is
// settled by taking one drawing, by drawing it anew, or by leaving it out; then the form is sent as any other.

import { el, readJson } from "../dom.js";
import { Board } from "../draw/board.js";
import { paintShape } from "../draw/paint.js";
import { boundsOf } from "../draw/shapes.js";
import { Words } from "../label/words.js";
import { Places } from "./places.js";

const $ = (id) => document.getElementById(id);
const given = readJson("adj-drawn");
const words = new Words(readJson("adj-drawn-texts"), document.documentElement.lang);
const DASHES = [[6, 4], [2, 3], [10, 3, 2, 3], [1, 2]]; // people are told apart by their lines, too

/** The board with the drawings of open places over it, dashed. */
class Desk extends Board {
  drawActive(context) {
    super.drawActive(context);
    for (const { candidate, at, isCurrent } of places.shown()) {
      const look = { colour: this.colourOf(candidate.category), scale: this.place.scale, fill: isCurrent ? 0.25 : 0.08, line: isCurrent ? 3 : 1.5 };
      paintShape(context, candidate.shape, { ...look, dash: DASHES[at % DASHES.length] });
    }
  }
}

const places = new Places(given.places);
const board = new Desk($("stage"), {
  onChange: () => refresh(),
  onChoose: (_objects, tool) => pressed(tool),
  onSay: (text) => ($("adj-live").textContent = text),
});
board.task = given.task;
board.setClasses(given.classes);

function start() {
  const img = $("adj-image");
  img.remove();
  img.decode().then(() => {
    board.show({ ...given.image, img }, given.objects);
    board.setTools("select");
    document.documentElement.dataset.painted = String(given.image.id);
    refresh();
  });
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  $("adj-form").addEventListener("submit", onSubmit);
}

// ---------------------------------------------------------------- the list of places

function refresh() {
  places.follow(board.scene);
  const list = $("adj-places");
  if (!list) return;
  list.replaceChildren(...places.all.map((place, n) => row(place, n)));
  $("adj-open").textContent = places.open.length ? "" : words.say("no_place");
  board.redraw();
}

function row(place, n) {
  const title = el("p", { class: "sm" }, words.say("place", { n: n + 1, drew: place.n, asked: place.asked }));
  const buttons = place.candidates.map((one, at) => {
    const name = given.classes.find(({ id }) => id === one.category)?.name ?? "";
    return button("take", n, at, words.say("take", { who: one.who, name }), place.taken === at);
  });
  buttons.push(button("leave", n, -1, words.say("leave_out"), place.isOut));
  return el("li", { class: places.current === n ? "place on" : "place", "data-place": n }, title, el("div", { class: "row wrap" }, ...buttons));
}

function button(does, n, at, text, isOn) {
  return el("button", { type: "button", class: "btn", "data-does": does, "data-place": n, "data-candidate": at, "aria-pressed": String(isOn) }, text);
}

/** The place is taken from one person, or left out; the same again opens it. */
function settle(n, at) {
  const place = places.all[n];
  places.current = n;
  board.scene.step("settle", (scene) => {
    if (place.key && scene.get(place.key)) scene.remove([place.key]);
    const isSame = at < 0 ? place.isOut : place.taken === at;
    places.set(n, isSame ? null : at);
    if (!isSame && at >= 0) {
      const { category, shape, attributes } = place.candidates[at];
      place.key = scene.add({ category, shape, attributes });
    }
  });
  if (!places.isOpen(place)) places.next();
  refresh();
  toPlace();
}

function toPlace() {
  const place = places.all[places.current];
  if (!place) return;
  const { x, y } = boundsOf(place.candidates[0].shape);
  board.say(words.say("place", { n: places.current + 1, drew: place.n, asked: place.asked }) + ` (${Math.round(x)}, ${Math.round(y)})`);
  document.querySelector(`#adj-places [data-place="${places.current}"]`)?.scrollIntoView({ block: "nearest" });
}

// ---------------------------------------------------------------- buttons, keys, the form

function onClick(event) {
  const button = event.target.closest("[data-does]");
  if (!button) return;
  const { does } = button.dataset;
  const n = Number(button.dataset.place);
  if (does === "take") return settle(n, Number(button.dataset.candidate));
  if (does === "leave") return settle(n, -1);
  if (does === "category") return board.chooseClass(Number(button.value));
  if (does.startsWith("tool_")) return board.setTools(does.slice("tool_".length));
  const [, command] = does.match(/^(?:step_)?(\w+)$/) ?? [];
  board.does[command]?.();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, button, a")) return;
  const place = places.all[places.current];
  const at = place ? "abcdefgh".indexOf(event.key.toLowerCase()) : -1;
  if (at >= 0 && at < place.candidates.length) settle(places.current, at);
  else if (event.key === "0" && place) settle(places.current, -1);
  else if (event.key === "Enter") $("adj-form").requestSubmit($("adj-go"));
  else return;
  event.preventDefault();
}

function onSubmit(event) {
  if (event.submitter?.name === "undecidable") return;
  const n = places.open.length;
  if (n) {
    event.preventDefault();
    places.current = places.all.indexOf(places.open[0]);
    $("adj-open").textContent = n === 1 ? words.say("one_still_open") : words.say("still_open", { n });
    refreshMark();
    return;
  }
  $("adj-form").elements.objects.value = JSON.stringify(board.scene.toSend());
}

function refreshMark() {
  document.querySelectorAll("#adj-places .place").forEach((item, n) => item.classList.toggle("on", n === places.current));
  board.redraw();
}

function pressed(tool) {
  document.querySelectorAll("[data-does^=tool_]").forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.does === `tool_${tool}`)));
}

if ($("stage")) start();
