// Swipes on the image: right accepts or saves, left takes back. Every swipe has a button too.
// On a zoomed image a finger moves it instead (viewer.js).

const FAR_ENOUGH = 70; // CSS pixels; less is a tap or a tremble

/** @returns {"right" | "left" | null} */
export function swipeOf(dx, dy) {
  if (Math.abs(dx) < FAR_ENOUGH || Math.abs(dx) < 2 * Math.abs(dy)) return null;
  return dx > 0 ? "right" : "left";
}

/** @param {HTMLElement} element @param {(direction: "right" | "left") => void} onSwipe */
export function listenForSwipes(element, onSwipe) {
  const fingers = new Map();
  let elsewhere = false; // two fingers zoom, and on a zoomed image one moves it
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") return;
    fingers.set(event.pointerId, event);
    elsewhere = fingers.size > 1 || element.hasAttribute("data-zoomed");
  });
  element.addEventListener("pointerup", (event) => {
    const start = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    const direction = start && !elsewhere && swipeOf(event.clientX - start.clientX, event.clientY - start.clientY);
    if (direction) onSwipe(direction);
  });
  element.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
}
