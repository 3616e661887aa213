// Keys, mouse and fingers: what the person does becomes a call of the grid.

import { keyTarget } from "../dom.js";

const $ = (id) => document.getElementById(id);

/**
 * @param {object} parts
 * @param {import("./keys.js").GridKeys} parts.keys
 * @param {import("./wall.js").Wall} parts.wall
 * @param {Object<string, (wanted: object) => boolean | void>} parts.does by kind of action; false: it was not for us
 * @param {() => boolean} parts.isEnlarged
 * @returns {{underMouse: () => number}} place of the image there, -1: none
 */
export function listenToPerson({ keys, wall, does, isEnlarged }) {
  for (const button of document.querySelectorAll("[data-does]")) {
    button.addEventListener("click", () => does[button.dataset.does]({}));
  }

  document.addEventListener("keydown", (event) => {
    const target = keyTarget(event);
    const dialog = document.querySelector("dialog[open]");
    if ((dialog && !isEnlarged()) || target.closest("input, textarea, select, summary")) return;
    const control = target.closest("button, a");
    if (control && (event.key === "Enter" || event.key === " ")) {
      if (event.repeat) event.preventDefault(); // a held Enter would press the button again and again
      return;
    }
    const wanted = keys.wanted(event);
    if (wanted?.kind === "step") mouse.leads = false;
    if (wanted && does[wanted.kind](wanted) !== false) event.preventDefault();
  });

  wall.root.addEventListener("click", (event) => {
    const place = wall.placeOf(event.target);
    if (place >= 0) does.point({ place, extend: event.shiftKey });
  });
  wall.root.addEventListener("dblclick", (event) => {
    if (wall.placeOf(event.target) >= 0) does.enlarge({});
  });
  // What the mouse is over is what a key answers: one key for an odd one out. Only a mouse that moves: the page may
  // scroll under one that lies still, and fingers hover over nothing.
  const mouse = { x: -1, y: -1, leads: false };
  document.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || (event.clientX === mouse.x && event.clientY === mouse.y)) return;
    Object.assign(mouse, { x: event.clientX, y: event.clientY, leads: true });
    const place = wall.placeOf(event.target);
    if (place >= 0) does.hover({ place });
  });
  // Shift and a click marks images, not the text between them.
  wall.root.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());

  // After a click the focus stays on the button, and the next Enter would press it again instead of confirming.
  document.addEventListener("pointerup", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button && !button.closest("dialog")) setTimeout(() => document.activeElement === button && button.blur(), 0);
  });
  $("filter").addEventListener("change", () => $("filter").blur());

  return {
    /** Another page lies under the mouse now: what it is over is meant, if the mouse was used last. */
    underMouse: () => (mouse.leads ? wall.placeOf(document.elementFromPoint(mouse.x, mouse.y)) : -1),
  };
}
