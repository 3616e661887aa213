// Which key does what on the review grid, and what a pressed key asks for. No page here.
// Arrows move here, so they choose no class; a class beyond the ninth without a key of its own is in the list.

const DIGITS = "123456789";
/** They mean the same for everybody: a class that has one of them elsewhere is reached by its digit or by the list. */
const FIXED = {
  Enter: { kind: "confirm" }, Space: { kind: "enlarge" }, Backspace: { kind: "undo" }, Escape: { kind: "leave" }, x: { kind: "back" },
  ArrowLeft: { kind: "step", direction: "left" }, ArrowRight: { kind: "step", direction: "right" },
  ArrowUp: { kind: "step", direction: "up" }, ArrowDown: { kind: "step", direction: "down" },
  Home: { kind: "step", direction: "first" }, End: { kind: "step", direction: "last" },
};
const MAY_REPEAT = new Set(["step"]);

export class GridKeys {
  /**
   * @param {object} options
   * @param {import("./types.js").Category[]} options.categories
   * @param {boolean} options.multi
   * @param {Object<string, string>} options.actions of the person, with their key (labeler/accounts/preferences.py)
   * @param {Object<number, string>} options.own the person's keys for classes
   * @param {boolean} options.single one letter, digit or sign alone may act; else with Alt (WCAG 2.1.4)
   */
  constructor({ categories, multi, actions, own, single }) {
    this.single = single;
    this.meaning = new Map(Object.entries(FIXED));
    for (const kind of ["undo", "help", "filter", ...(multi ? ["none"] : [])]) this.give(actions[kind], { kind });
    this.ofClass = categories.map(() => "");
    const giveClass = (key, index) => this.give(key, { kind: "choose", index }) && (this.ofClass[index] ||= key);
    categories.forEach(({ id }, index) => giveClass(own[id], index));
    categories.forEach(({ key }, index) => giveClass((key || "").toLowerCase(), index));
    [...DIGITS].forEach((digit, index) => index < categories.length && giveClass(digit, index));
  }

  give(key, meaning) {
    if (!key || this.meaning.has(key)) return false;
    this.meaning.set(key, meaning);
    return true;
  }

  /** As it stands on the button of a class; "" when it has none. */
  printedFor(index) {
    return this.print(this.ofClass[index]);
  }

  print(key) {
    if (!key) return "";
    return (this.needsAlt(key) ? "Alt+" : "") + (key.length === 1 ? key.toUpperCase() : key);
  }

  needsAlt(key) {
    return [...key].length === 1 && !this.single;
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {{kind: string, index?: number, direction?: string, extend?: boolean} | null} null: not ours
   */
  wanted(event) {
    if (event.ctrlKey || event.metaKey || event.isComposing) return null;
    for (const key of spellings(event)) {
      const found = this.meaning.get(event.altKey && !this.needsAlt(key) ? `Alt+${key}` : key);
      if (!found || (event.repeat && !MAY_REPEAT.has(found.kind))) continue;
      if (this.needsAlt(key) && !event.altKey) continue;
      return found.kind === "step" ? { ...found, extend: event.shiftKey } : found;
    }
    return null;
  }
}

/** What was typed; then, where the layout writes something else there (AZERTY digits, Cyrillic letters), the key's place. */
function spellings({ key, code = "", shiftKey, altKey }) {
  const typed = key === " " ? "Space" : [...key].length === 1 ? key.toLowerCase() : key;
  const digit = /^Digit([0-9])$/.exec(code)?.[1];
  const letter = /^Key([A-Z])$/.exec(code)?.[1].toLowerCase();
  // Alt writes another sign on some systems; Shift with a letter is no key of ours.
  if (shiftKey && letter) return [];
  if (digit && !shiftKey && typed !== digit) return [typed, digit];
  if (letter && (altKey || typed.charCodeAt(0) > 127)) return [typed, letter];
  return [typed];
}
