// Keys, buttons and swipes: what the person does becomes a call of the session, the finder or the dock.

import { keyTarget } from "../dom.js";
import { listenForSwipes } from "./gestures.js";
import { lookFor } from "./looks.js";

const $ = (id) => document.getElementById(id);

/**
 * @param {object} parts
 * @param {import("./session.js").Session} parts.session
 * @param {import("./keys.js").Keys} parts.keys
 * @param {import("./finder.js").Finder | null} parts.finder of many classes
 * @param {import("./panes.js").Panes} parts.panes
 * @param {import("./reasons.js").Reasons} parts.reasons
 * @param {import("./flag.js").Flag} parts.flag
 * @param {import("./viewing.js").Viewing} parts.viewing
 * @param {import("./drawn/drawing.js").Drawing | null} [parts.drawing] where people draw
 * @param {Object<string, Function>} [parts.more] what other parts do on a key or button, by name; false: not now
 */
export function listenToPerson({ session, keys, finder, panes, reasons, flag, viewing, drawing = null, more = {} }) {
  const choose = (index) => index !== undefined && session.choose(index);
  const does = {
    choose,
    pick: (place) => choose(finder.at(place)),
    accept: () => (finder?.text ? choose(finder.at(0)) : session.pressEnter()),
    none: () => session.answerNone(),
    skip: () => session.skip(),
    cannot_tell: () => reasons.ask(),
    flag: () => flag.open(),
    undo: () => session.undo(),
    leave: () => finder?.clear() || session.leave() || closeGuide(),
    guide: toggleGuide,
    filter: () => finder.open(),
    ...viewing.does,
    ...drawing?.does,
    ...more,
  };

  for (const button of document.querySelectorAll("[data-does]")) {
    button.addEventListener("click", () => {
      panes.close();
      does[button.dataset.does]();
    });
  }
  // Two classes lie where the fingers point; otherwise right goes on and left goes back. Every swipe has a button too.
  const [toLeft, toRight] = keys.rtl ? [1, 0] : [0, 1];
  const swipes =
    keys.mode === "two"
      ? { left: () => choose(toLeft), right: () => choose(toRight) }
      : { left: () => does.undo(), right: () => does.accept() };
  if (!drawing) listenForSwipes($("stage"), (direction) => panes.isNormal && swipes[direction]());

  document.addEventListener("keydown", (event) => {
    const target = keyTarget(event);
    const inFinder = finder?.owns(target) ?? false;
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (!inFinder && target.closest("input, textarea, select") && !leaves(target, event)) return;
    const control = target.closest("button, a");
    if (control && (event.key === "Enter" || event.key === " ")) {
      if (event.repeat) event.preventDefault(); // a held Enter would press the button again and again
      return;
    }
    if (panes.name === "reasons") {
      if (reasons.key(event) !== false) event.preventDefault();
      return;
    }
    if (!inFinder && panes.isNormal && drawing?.key(event)) return event.preventDefault();
    const look = inFinder ? null : lookFor(event);
    const isMeant = look?.character ? event.altKey === keys.needsAlt("+") : !event.altKey;
    if (look && isMeant && viewing.look(look, event)) return event.preventDefault();
    const isEnterThere = inFinder && event.key === "Enter" && !event.repeat;
    const action = isEnterThere ? { kind: "accept" } : keys.find(event);
    if (inFinder && !isEnterThere && !finder.lets(event, action)) return;
    if (!action) {
      if (!inFinder && keys.types(event)) finder.begin();
      return;
    }
    if (does[action.kind]?.(action.index) !== false) event.preventDefault();
  });

  // After a click the focus stays on the button, and the next Enter would press it again instead of accepting.
  document.addEventListener("pointerup", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button && !button.closest("dialog")) setTimeout(() => document.activeElement === button && button.blur(), 0);
  });

  sayGuide();
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
