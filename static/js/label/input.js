// Keys, buttons and swipes: what the person does becomes a call of the session.

import { listenForSwipes } from "./gestures.js";
import { actionFor } from "./keys.js";
import { lookFor } from "./looks.js";

const $ = (id) => document.getElementById(id);
const SINGLE_KEYS = "single-keys"; // "off" is remembered in this browser (WCAG 2.1.4)
const CHARACTER_ACTIONS = new Set(["choose", "none", "skip", "cannot_tell", "guide", "help"]);

/**
 * @param {{session: import("./session.js").Session, keys: string[][], viewing: import("./viewing.js").Viewing}} parts
 */
export function listenToPerson({ session, keys, viewing }) {
  const does = {
    choose: (index) => session.choose(index),
    enter: () => session.pressEnter(),
    none: () => session.answerNone(),
    skip: () => session.skip(),
    cannot_tell: () => session.cannotTell(),
    undo: () => session.undo(),
    leave: () => session.leave() || closeGuide(),
    guide: toggleGuide,
    help: () => $("help").showModal(),
    ...viewing.does,
  };

  for (const button of document.querySelectorAll("[data-does]")) {
    button.addEventListener("click", () => does[button.dataset.does]());
  }
  listenForSwipes($("stage"), (direction) => (direction === "right" ? does.enter() : does.undo()));

  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (document.querySelector("dialog[open]") || (target.closest("input, textarea, select") && !leaves(target, event))) return;
    const control = target.closest("button, a");
    if (control && (event.key === "Enter" || event.key === " ")) {
      if (event.repeat) event.preventDefault(); // a held Enter would press the button again and again
      return;
    }
    const look = lookFor(event);
    if (look && (!look.character || singleKeys()) && viewing.look(look, event)) return event.preventDefault();
    const action = actionFor(event, keys);
    if (!action || (CHARACTER_ACTIONS.has(action.kind) && !singleKeys())) return;
    if (does[action.kind](action.index) !== false) event.preventDefault();
  });

  // After a click the focus stays on the button, and the next Enter would press it again instead of accepting.
  document.addEventListener("pointerup", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button && !button.closest("dialog")) setTimeout(() => document.activeElement === button && button.blur(), 0);
  });

  sayGuide();
  const box = $("single-keys");
  box.checked = singleKeys();
  box.addEventListener("change", () => remember(box.checked));
}

/** A slider needs arrows and the like; a digit or a sign means the image, as everywhere. */
function leaves(target, event) {
  return target.matches("input[type=range]") && event.key.length === 1;
}

function isGuideOpen() {
  return getComputedStyle($("rail")).display !== "none";
}

function toggleGuide() {
  $("lab").dataset.guide = isGuideOpen() ? "closed" : "open";
  sayGuide();
}

function sayGuide() {
  for (const button of document.querySelectorAll('[data-does="guide"]')) button.setAttribute("aria-expanded", String(isGuideOpen()));
}

/** On a narrow screen the guideline covers the image; Escape closes it. */
function closeGuide() {
  if ($("lab").dataset.guide !== "open") return false;
  toggleGuide();
  return true;
}

let keysOff = false; // where storage is switched off, the choice holds until the page goes

function singleKeys() {
  try {
    return localStorage.getItem(SINGLE_KEYS) !== "off" && !keysOff;
  } catch {
    return !keysOff;
  }
}

function remember(on) {
  keysOff = !on;
  try {
    if (on) localStorage.removeItem(SINGLE_KEYS);
    else localStorage.setItem(SINGLE_KEYS, "off");
  } catch {
    keysOff = !on;
  }
}
