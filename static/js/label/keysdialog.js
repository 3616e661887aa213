// The "?" window: all keys, and changing them by pressing the wanted one.

import { el } from "../dom.js";
import { marker } from "./dock.js";
import { printed, spelledKey } from "./keys.js";
import { KeySettings } from "./keysettings.js";

const $ = (id) => document.getElementById(id);

export class KeysDialog {
  /**
   * @param {object} parts
   * @param {import("./keysettings.js").KeySettings} parts.settings
   * @param {import("./keys.js").Keys} parts.keys
   * @param {import("./types.js").Category[]} parts.categories
   * @param {import("./words.js").Words} parts.words
   */
  constructor({ settings, keys, categories, words }) {
    Object.assign(this, { settings, keys, categories, words, listening: null });
    this.dialog = $("help");
    this.dialog.addEventListener("keydown", (event) => this.hear(event));
    this.dialog.addEventListener("close", () => this.stop());
    $("single-keys").addEventListener("change", (event) => void this.try(() => settings.setSingle(event.target.checked)));
    $("keys-reset").addEventListener("click", () => void this.try(() => settings.reset(), "keys_reset"));
  }

  open() {
    this.say("");
    this.draw();
    this.dialog.showModal();
  }

  draw() {
    const { keys, settings, categories } = this;
    const actions = settings.actions.filter(({ name }) => keys.actions[name] !== undefined);
    $("keys-actions").replaceChildren(
      ...actions.map(({ name, words }) =>
        this.line(el("dt", {}, words), keys.print(keys.actions[name]), words, {
          taken: (key) => settings.takenBy(key, { action: name }),
          set: (key) => settings.setAction(name, key),
          id: `key-of-${name}`,
        }),
      ),
    );
    $("keys-classes").replaceChildren(
      ...categories.map((category, place) =>
        this.line(el("dt", {}, marker(category), el("span", {}, category.name)), keys.ofClass[place].map((key) => keys.print(key)).join(" "), category.name, {
          taken: (key) => settings.takenBy(key, { category: category.id }),
          set: (key) => settings.setClass(category.id, key),
          id: `key-of-class-${category.id}`,
        }),
      ),
    );
    $("single-keys").checked = settings.single;
    $("keys-reset").disabled = settings.isNormal;
  }

  line(term, now, words, { taken, set, id }) {
    const button = el("button", { type: "button", class: "btn keyed", id }, el("kbd", {}, now || "–"), el("span", { class: "vh" }, this.words.say("change_key", { action: words })));
    button.addEventListener("click", () => this.listen({ button, words, taken, set }));
    return el("div", {}, term, el("dd", {}, button));
  }

  /** The next key is the wanted one. */
  listen(line) {
    this.stop();
    this.listening = line;
    line.button.classList.add("on");
    this.say("press_key", { action: line.words });
  }

  stop() {
    this.listening?.button.classList.remove("on");
    this.listening = null;
  }

  hear(event) {
    const line = this.listening;
    if (!line || event.repeat) return;
    if (event.key === "Tab") return this.stop();
    const key = spelledKey(event);
    if (event.key !== "Escape" && key === null) return; // a modifier, and more to come
    event.preventDefault(); // Escape leaves the listening, not the window
    this.stop();
    if (event.key === "Escape") return this.say("");
    const taken = line.taken(key);
    if (taken) return this.say(taken.digit ? "key_is_digit" : "key_taken", { key: printed(key), other: taken.words ?? "", action: line.words });
    void this.try(() => line.set(key), "key_set", { key: printed(key), action: line.words }, line.button.id);
  }

  async try(change, said = "keys_saved", values = {}, focus = null) {
    try {
      await change();
      this.say(said, values);
    } catch (error) {
      $("keys-said").textContent = this.words.say("keys_not_saved", { message: error.message });
    }
    this.draw();
    if (focus) $(focus)?.focus();
  }

  say(name, values = {}) {
    $("keys-said").textContent = name ? this.words.say(name, values) : "";
  }
}

/** @param {object} parts of the settings and of the dialog */
export function dialogFor({ config, keys, categories, words, call, onChange }) {
  const settings = new KeySettings({ config, categories, keys, call, onChange });
  return new KeysDialog({ settings, keys, categories, words });
}
