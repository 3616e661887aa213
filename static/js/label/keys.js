// Which key does what, for this person in this project, and what a pressed key asks for. No page here.
//
// A key is spelled as the server keeps it (labeler/accounts/preferences.py): "s", "?", "Enter", "Space", "Shift+f", "Alt+x".

import { LOOKING_SIGNS } from "./looks.js";

const DIGITS = "123456789";
/** F is an answer where there are two classes, and shows all of the image where people draw: its own action moves. */
const FLAG_BESIDE_TWO = "q";
const PRINTED = { Enter: "↵", Backspace: "⌫", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** How many classes there are decides how they are chosen. @returns {"two" | "few" | "many"} */
export function modeOf({ categories, multi }) {
  if (categories.length > DIGITS.length) return "many";
  return categories.length === 2 && !multi ? "two" : "few";
}

export class Keys {
  /**
   * @param {object} project
   * @param {import("./types.js").Category[]} project.categories
   * @param {boolean} [project.multi]
   * @param {boolean} [project.draws]
   * @param {boolean} [project.rtl] the first of two answers stands on the right then, and so does its arrow
   */
  constructor({ categories, multi = false, draws = false, rtl = false }) {
    Object.assign(this, { categories, multi, draws, rtl, mode: modeOf({ categories, multi }) });
    this.set({ actions: {}, own: {}, single: true });
  }

  /**
   * What this person chose. The earlier a key is given away here, the stronger the claim on it.
   * @param {{actions: Object<string, string>, own: Object<number, string>, single: boolean}} wanted actions: all of
   *   them with their key; own: {category id: key}; single: one letter, digit or sign alone may act
   */
  set({ actions, own, single }) {
    this.single = single;
    /** @type {Map<string, {kind: string, index?: number}>} */
    this.meaning = new Map();
    this.actions = this.theirs(actions);
    // Another one's key is none: the sheet shows that it has none.
    for (const [kind, key] of Object.entries(this.actions)) if (!this.give(key, { kind }) && this.draws) this.actions[kind] = "";
    this.ofClass = this.categories.map(() => []);
    this.categories.forEach(({ id }, index) => this.giveClass(own[id], index));
    this.categories.forEach(({ key }, index) => this.giveClass((key || "").toLowerCase(), index));
    if (this.mode === "two") this.giveSides();
    [...DIGITS].forEach((digit, index) => {
      if (this.mode === "many") this.give(digit, { kind: "pick", index }); // of the list as it stands there now
      else if (index < this.categories.length) this.giveClass(digit, index);
    });
    this.give("Backspace", { kind: this.draws ? "remove" : "undo" });
    this.give("Escape", { kind: "leave" });
  }

  /** The actions that this project has. */
  theirs(wanted) {
    const { none, filter, ...actions } = wanted;
    if (this.multi && none) actions.none = none;
    if (this.mode === "many" && filter) actions.filter = filter;
    if ((this.mode === "two" || this.draws) && actions.flag === "f" && !Object.values(actions).includes(FLAG_BESIDE_TWO)) {
      actions.flag = FLAG_BESIDE_TWO;
    }
    return actions;
  }

  giveSides() {
    const [first, second] = this.rtl ? [1, 0] : [0, 1];
    this.giveClass("ArrowLeft", first);
    this.giveClass("ArrowRight", second);
    this.giveClass("f", first);
    this.giveClass("j", second);
  }

  give(key, meaning) {
    if (!key || this.meaning.has(key) || LOOKING_SIGNS.includes(key)) return false;
    this.meaning.set(key, meaning);
    return true;
  }

  giveClass(key, index) {
    if (this.give(key, { kind: "choose", index })) this.ofClass[index].push(key);
  }

  /** A character that acts together with Alt only: switched off alone, or typed into the filter. */
  needsAlt(key) {
    return [...key].length === 1 && (!this.single || (this.mode === "many" && !this.draws && isLetter(key)));
  }

  /** How a key is printed on a button, for an eye. */
  print(key) {
    return (this.needsAlt(key) ? "Alt+" : "") + printed(key);
  }

  /** The same for aria-keyshortcuts. */
  aria(key) {
    const base = key.slice(key.lastIndexOf("+", key.length - 2) + 1);
    const name = base.length === 1 ? base.toUpperCase() : base;
    return (this.needsAlt(key) ? "Alt+" : "") + key.slice(0, key.length - base.length) + (name === "+" ? "Plus" : name);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {{kind: string, index?: number} | null} kind: an action of the server's list, choose (a class, by index),
   *   pick (a place in the list of many), leave; null: not ours
   */
  find(event) {
    // A held key would label image after image. AltGr is how some keyboards write signs.
    const altGr = event.getModifierState?.("AltGraph") ?? false;
    if (event.repeat || event.metaKey || (event.ctrlKey && !altGr) || event.isComposing) return null;
    const alt = event.altKey && !altGr;
    for (const base of bases(event, alt)) {
      const key = (event.shiftKey && (base.length > 1 || isLetter(base)) ? "Shift+" : "") + base;
      const found = alt
        ? (this.meaning.get(`Alt+${key}`) ?? (this.needsAlt(key) ? this.meaning.get(key) : undefined))
        : this.needsAlt(key)
          ? undefined
          : this.meaning.get(key);
      if (found) return found;
    }
    return null;
  }

  /** The digit 1 to 9 that this key means, where digits are numbers of a list. @param {KeyboardEvent} event */
  digit(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.isComposing || event.altKey !== this.needsAlt("1")) return null;
    return Number(bases(event, event.altKey).find((base) => DIGITS.includes(base) && base.length === 1)) || null;
  }

  /** Does this key write a letter that the filter of many classes should begin with? */
  types(event) {
    if (this.mode !== "many" || this.draws || !this.single || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
    return event.key.length === 1 && isLetter(event.key);
  }
}

/** The key of an event as it would be stored, modifiers included; null for a modifier alone, and for what is no key of ours. */
export function spelledKey(event) {
  if (event.ctrlKey || event.metaKey || ["Shift", "Alt", "AltGraph", "Control", "Meta", "Escape", "Tab", "Dead", "Unidentified"].includes(event.key)) {
    return null;
  }
  const [base] = bases(event, event.altKey).slice(-1);
  const shift = event.shiftKey && (base.length > 1 || isLetter(base)) ? "Shift+" : "";
  return (event.altKey ? "Alt+" : "") + shift + base;
}

/** What was typed; then, where the layout writes something else there (AZERTY digits, Cyrillic letters, Option on a Mac), the key's place. */
function bases(event, alt) {
  const typed = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const digit = /^Digit([0-9])$/.exec(event.code || "");
  if (digit && (alt || !event.shiftKey) && !/^[0-9]$/.test(typed)) return [typed, digit[1]];
  const letter = /^Key([A-Z])$/.exec(event.code || "");
  if (letter && typed.length === 1 && typed.charCodeAt(0) > 127) return [typed, letter[1].toLowerCase()];
  return [typed];
}

export function isLetter(text) {
  return /^\p{L}$/u.test(text);
}

/** How a key is printed, without regard to Alt being needed. labeler/accounts/preferences.py prints the same. */
export function printed(key) {
  const base = key.slice(key.lastIndexOf("+", key.length - 2) + 1);
  return key.slice(0, key.length - base.length) + (base.length === 1 ? base.toUpperCase() : (PRINTED[base] ?? base));
}
