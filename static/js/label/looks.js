// Which way of looking does this key ask for: closer, elsewhere, brighter, larger? No page here.
// Apart from keys.js: these keys change nothing but the view, may be held down, and mean the same in every project.

/** Signs that no class may have as its key. */
export const LOOKING_SIGNS = " +-=";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {KeyboardEvent} event
 * @returns {{kind: "zoom_in" | "zoom_out" | "zoom" | "pan" | "adjust" | "full_screen", x?: number, y?: number,
 *   character: boolean} | null} character: a single key in the sense of WCAG 2.1.4, which a person may switch off
 */
export function lookFor({ key, code = "", shiftKey, ctrlKey, metaKey, altKey, repeat, isComposing }) {
  if (ctrlKey || metaKey || altKey || isComposing) return null;
  if (key in ARROWS && !shiftKey) return { kind: "pan", x: ARROWS[key][0], y: ARROWS[key][1], character: false };
  // The row of digits writes signs on some layouts (AZERTY: - is on the 6): there they choose classes.
  if (!code.startsWith("Digit")) {
    if (key === "+" || key === "=") return { kind: "zoom_in", character: true };
    if (key === "-") return { kind: "zoom_out", character: true };
  }
  if (repeat) return null; // what follows goes back and forth
  if (key === " " && !shiftKey) return { kind: "zoom", character: false };
  if (shiftKey && key.toLowerCase() === "b") return { kind: "adjust", character: true };
  if (shiftKey && key.toLowerCase() === "f") return { kind: "full_screen", character: true };
  return null;
}
