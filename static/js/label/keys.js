// Which action does this key ask for? No page here: a table and a function.

import { LOOKING_SIGNS } from "./looks.js";

/** Letters with a meaning of their own; F (flag) is kept free for what it will mean. */
export const RESERVED = "scfzg";
const DIGITS = "123456789";
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => !RESERVED.includes(letter)).join("");
const WORDS = { s: "skip", c: "cannot_tell", z: "undo", g: "guide", Backspace: "undo", Enter: "enter", Escape: "leave", "?": "help", 0: "none" };

/**
 * Keys of each class, the one to print first. A class has the key its project gave it, the digit of its place
 * (first nine) and, after the ninth place, the next free letter. From the thirty-first on, arrows and Tab reach it.
 * @param {import("./types.js").Category[]} categories
 * @returns {string[][]}
 */
export function assignKeys(categories) {
  const taken = new Set();
  const take = (key) => !taken.has(key) && taken.add(key);
  const own = categories.map(({ key }) => (key || "").toLowerCase());
  const keys = own.map((key) => (isUsable(key) && take(key) ? [key] : []));
  categories.forEach((_, place) => {
    if (place < DIGITS.length && take(DIGITS[place])) keys[place].push(DIGITS[place]);
  });
  const free = [...LETTERS].filter((letter) => !taken.has(letter));
  return keys.map((mine) => (mine.length || !free.length ? mine : [free.shift()]));
}

function isUsable(key) {
  return key.length === 1 && !LOOKING_SIGNS.includes(key) && !(key in WORDS) && !RESERVED.includes(key);
}

/**
 * @param {KeyboardEvent} event
 * @param {string[][]} keys from assignKeys
 * @returns {{kind: string, index?: number} | null} kind: choose (with index), enter, none, skip, cannot_tell, undo,
 *   guide, leave, help; null: not ours
 */
export function actionFor(event, keys) {
  // A held key would label image after image; with a modifier the key belongs to the browser.
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  for (const key of spellings(event)) {
    const index = keys.findIndex((mine) => mine.includes(key));
    if (index >= 0) return { kind: "choose", index };
    if (Object.hasOwn(WORDS, key)) return { kind: WORDS[key] };
  }
  return null;
}

/** What was typed; then, where the layout writes something else there (AZERTY digits, Cyrillic letters), the key's place. */
function spellings(event) {
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.shiftKey) return [typed];
  const digit = /^Digit([0-9])$/.exec(event.code || "");
  if (digit && !/^[0-9]$/.test(typed)) return [typed, digit[1]];
  const letter = /^Key([A-Z])$/.exec(event.code || "");
  if (letter && typed.length === 1 && typed.charCodeAt(0) > 127) return [typed, letter[1].toLowerCase()];
  return [typed];
}

/** How the key is printed on its button. */
export function printed(keys) {
  return (keys[0] ?? "").toUpperCase();
}
