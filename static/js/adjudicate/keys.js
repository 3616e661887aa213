// Which key does what while settling, for this person in this project. No page here: tables and functions.
//
// A key is spelled as the server keeps it (labeler/accounts/preferences.py): "d", "Enter", "Space", "Shift+d", "Alt+x".

// In this order: the first ones keep their letter where a class wants it as well.
const LETTERS = { undecidable: "d", next: "j", before: "k", why: "w" };
const FIXED = { Escape: "leave", Space: "zoom", "+": "larger", "-": "smaller" };
const PANS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const DIGITS = "123456789";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/**
 * Classes have the keys of the labeling screen: the person's own, the project's, the digit of their place. An action
 * whose letter is a class's is called with Shift. Of more than nine classes the digits choose among those that are shown
 * first, which are the ones that somebody said, and what is left of the letters goes to classes without a key.
 * @param {object} wanted
 * @param {{id: number, key?: string}[]} wanted.categories
 * @param {Object<number, string>} [wanted.own] {category id: key}
 * @param {{undo: string, none: string, accept: string}} [wanted.actions] as the person has them on the labeling screen
 * @param {boolean} [wanted.single] false: a letter, digit or sign acts together with Alt only (WCAG 2.1.4)
 */
export function keysOf({ categories, own = {}, actions: theirs = { undo: "z", none: "0", accept: "Enter" }, single = true }) {
  const taken = new Set(Object.keys(FIXED));
  const take = (key) => Boolean(key) && !taken.has(key) && Boolean(taken.add(key));
  const classes = categories.map(({ id, key }) => [own[id], (key ?? "").toLowerCase()].filter(take));
  const many = categories.length > DIGITS.length;
  const digits = [...DIGITS].filter(take);
  if (!many) for (const digit of digits) classes[DIGITS.indexOf(digit)]?.push(digit);
  const actions = {};
  for (const [name, key] of Object.entries({ go: theirs.accept, none: theirs.none, ...LETTERS, undo: theirs.undo })) {
    actions[name] = [key, `Shift+${key}`].find(take);
  }
  const free = [...ALPHABET].filter((letter) => !taken.has(letter));
  for (const mine of classes) if (!mine.length && free.length) mine.push(free.shift());
  return { classes, actions, single, picks: many ? digits : [] };
}

/**
 * @param {KeyboardEvent} event
 * @param {ReturnType<typeof keysOf>} keys
 * @returns {{kind: string, index?: number, by?: number[]} | null} kind: choose (index: place of the class), pick (index: place
 *   on the page), pan (with by), or an action's name
 */
export function actionFor(event, keys) {
  // A held key would settle image after image; with these modifiers the key belongs to the browser.
  if (event.repeat || event.ctrlKey || event.metaKey || event.isComposing) return null;
  for (const key of spellings(event).map((spelled) => meant(spelled, keys.single))) {
    const index = keys.classes.findIndex((mine) => mine.includes(key));
    if (index >= 0) return { kind: "choose", index };
    if (keys.picks.includes(key)) return { kind: "pick", index: DIGITS.indexOf(key) };
    const name = Object.keys(keys.actions).find((action) => keys.actions[action] === key);
    if (name) return { kind: name };
    if (Object.hasOwn(FIXED, key)) return { kind: FIXED[key] };
    if (Object.hasOwn(PANS, key)) return { kind: "pan", by: PANS[key] };
  }
  return null;
}

const isCharacter = (key) => [...key.replace("Shift+", "")].length === 1;

/** The key that was meant, where characters act with Alt only; an empty one where it was pressed alone. */
function meant(spelled, single) {
  if (single) return spelled;
  if (spelled.startsWith("Alt+")) return spelled.slice("Alt+".length);
  return isCharacter(spelled) ? "" : spelled;
}

/** What was typed; then, where the layout writes something else there (AZERTY digits, Cyrillic letters), the key's place. */
function spellings(event) {
  const typed = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = [typed];
  const digit = /^Digit([0-9])$/.exec(event.code || "")?.[1];
  if (digit && !event.shiftKey && !/^[0-9]$/.test(typed)) found.push(digit);
  const letter = /^Key([A-Z])$/.exec(event.code || "")?.[1].toLowerCase();
  if (letter && typed.length === 1 && typed.charCodeAt(0) > 127) found.push(letter);
  const shifted = found.map((key) => (event.shiftKey && /^\p{L}$/u.test(key) ? `Shift+${key}` : key));
  return event.altKey ? shifted.map((key) => `Alt+${key}`) : shifted;
}

/** What stands on the button of a class. @param {number} shown its place on the page @param {number} place in the project */
export function keyOf(shown, place, { classes, picks }) {
  return picks.includes(DIGITS[shown]) ? DIGITS[shown] : classes[place]?.[0];
}

const SIGNS = { Enter: "↵", Backspace: "⌫", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** As it stands on a button: D, ⇧D, Alt+D. */
export function printed(key, { single } = { single: true }) {
  if (!key) return "";
  const base = SIGNS[key] ?? (isCharacter(key) ? key.replace("Shift+", "⇧").toUpperCase() : key);
  return !single && isCharacter(key) ? `Alt+${base}` : base;
}
