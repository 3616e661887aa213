// Which way of looking does this key ask for: closer, or elsewhere? No page here.
// Apart from keys.js: these keys change nothing but the view, may be held down, and mean the same for everybody. What
// goes back and forth (whole image, full screen, light) has a key that a person may change, there.

/** Signs that neither a class nor an action may have as its key. */
export const LOOKING_SIGNS = "+-=";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {KeyboardEvent} event
 * @returns {{kind: "zoom_in" | "zoom_out" | "pan", x?: number, y?: number, character: boolean} | null} character: a
 *   single key in the sense of WCAG 2.1.4: who switched those off presses it with Alt
 */
export function lookFor({ key, code = "", shiftKey, ctrlKey, metaKey, isComposing }) {
  if (ctrlKey || metaKey || isComposing) return null;
  if (key in ARROWS && !shiftKey) return { kind: "pan", x: ARROWS[key][0], y: ARROWS[key][1], character: false };
  // The row of digits writes signs on some layouts (AZERTY: - is on the 6): there they choose classes.
  if (code.startsWith("Digit")) return null;
  if (key === "+" || key === "=") return { kind: "zoom_in", character: true };
  return key === "-" ? { kind: "zoom_out", character: true } : null;
}
