// Which key does what while settling. No page here: tables and functions.

import { assignKeys } from "../label/keys.js";

// In this order: the first ones keep their letter where a class wants it as well.
const LETTERS = { undecidable: "d", next: "j", before: "k", why: "w", undo: "z" };
const FIXED = { Enter: "go", 0: "none", Escape: "leave", " ": "zoom", "+": "larger", "-": "smaller" };
const PANS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Classes have the keys of the labeling screen. An action whose letter is a class's is called with Shift.
 * @param {{key?: string}[]} categories
 * @returns {{classes: string[][], actions: Object<string, string>}} spelled as spell() does
 */
export function keysOf(categories) {
  const classes = assignKeys(categories);
  const taken = new Set(classes.flat());
  const actions = Object.fromEntries(
    Object.entries(LETTERS).map(([name, letter]) => [name, taken.has(letter) ? `Shift+${letter}` : letter]),
  );
  return { classes, actions };
}

/**
 * @param {KeyboardEvent} event
 * @param {ReturnType<typeof keysOf>} keys
 * @returns {{kind: string, index?: number, by?: number[]} | null} kind: choose (with index), pan (with by), or an action's name
 */
export function actionFor(event, keys) {
  // A held key would settle image after image; with a modifier the key belongs to the browser.
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (Object.hasOwn(PANS, event.key)) return { kind: "pan", by: PANS[event.key] };
  for (const key of spellings(event)) {
    const index = keys.classes.findIndex((mine) => mine.includes(key));
    if (index >= 0) return { kind: "choose", index };
    const name = Object.keys(keys.actions).find((action) => keys.actions[action] === key);
    if (name) return { kind: name };
    if (Object.hasOwn(FIXED, key)) return { kind: FIXED[key] };
  }
  return null;
}

/** What was typed; then, where the layout writes something else there (AZERTY digits, Cyrillic letters), the key's place. */
function spellings(event) {
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const letter = /^Key([A-Z])$/.exec(event.code || "")?.[1].toLowerCase();
  if (event.shiftKey) return /^\p{L}$/u.test(typed) ? [`Shift+${typed}`, ...(letter ? [`Shift+${letter}`] : [])] : [typed];
  const digit = /^Digit([0-9])$/.exec(event.code || "")?.[1];
  if (digit && !/^[0-9]$/.test(typed)) return [typed, digit];
  if (letter && typed.length === 1 && typed.charCodeAt(0) > 127) return [typed, letter];
  return [typed];
}

/** As it stands on a button: D, ⇧D. */
export function printed(key) {
  return (key ?? "").replace("Shift+", "⇧").toUpperCase();
}
