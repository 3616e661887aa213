// A person's own keys: what is wished, what stands against it, and the server's copy. No page here.

const DIGITS = "123456789";

/**
 * @typedef {{name: string, words: string, key: string, normal: string}} Action
 */
export class KeySettings {
  /**
   * @param {object} parts
   * @param {{actions: Action[], own: Object<string, string>, single_keys: boolean, url: string, class_url: string}} parts.config
   * @param {import("./types.js").Category[]} parts.categories
   * @param {import("./keys.js").Keys} parts.keys
   * @param {(method: string, url: string, options: {body: object}) => Promise<any>} parts.call
   * @param {() => void} parts.onChange
   */
  constructor({ config, categories, keys, call, onChange }) {
    Object.assign(this, { config, categories, keys, call, onChange });
    this.actions = config.actions.map((action) => ({ ...action }));
    this.own = { ...config.own };
    this.single = config.single_keys;
    this.apply();
  }

  apply() {
    const actions = Object.fromEntries(this.actions.map(({ name, key }) => [name, key]));
    this.keys.set({ actions, own: this.own, single: this.single });
  }

  get isNormal() {
    return this.actions.every(({ key, normal }) => key === normal) && Object.keys(this.own).length === 0;
  }

  /**
   * Whose key is this already? Only what a person would notice: what is free on this screen may be taken.
   * @param {string} key @param {{action?: string, category?: number}} forWhat
   * @returns {{digit: true} | {words: string} | null}
   */
  takenBy(key, { action, category }) {
    if (action && DIGITS.includes(key)) return { digit: true };
    const others = this.actions.filter(({ name, key: theirs }) => name !== action && theirs === key);
    // F is free for the two answers: the question has moved away (keys.js).
    const other = others.find(({ name }) => [key, undefined].includes(this.keys.actions[name]));
    if (other) return { words: other.words };
    const place = this.keys.ofClass.findIndex((keys) => keys.includes(key));
    const isOwnDigit = category !== undefined && DIGITS.includes(key); // a class may take the digit of another
    if (place >= 0 && this.categories[place].id !== category && !isOwnDigit) return { words: this.categories[place].name };
    return null;
  }

  /** @param {string} name @param {string} key @throws what the server or the network says; nothing has changed then */
  async setAction(name, key) {
    await this.saveActions(this.actions.map((action) => (action.name === name ? { ...action, key } : action)));
  }

  async saveActions(actions) {
    const keys = Object.fromEntries(actions.filter(({ key, normal }) => key !== normal).map(({ name, key }) => [name, key]));
    // They replace all there are: those of the other kind of screen go along.
    await this.call("PATCH", this.config.url, { body: { keys: { ...this.config.elsewhere, ...keys } } });
    this.actions = actions;
    this.changed();
  }

  async setClass(id, key) {
    await this.saveOwn({ ...this.own, [id]: key });
  }

  async saveOwn(own) {
    const inUse = Object.fromEntries(Object.entries(own).filter(([id]) => this.categories.some((category) => String(category.id) === id)));
    const { keys } = await this.call("PUT", this.config.class_url, { body: { keys: inUse } });
    this.own = keys;
    this.changed();
  }

  /** At once: who is in trouble with single keys should not have to wait for the network. */
  async setSingle(single) {
    this.single = single;
    this.changed();
    try {
      await this.call("PATCH", this.config.url, { body: { single_keys: single } });
    } catch (error) {
      this.single = !single;
      this.changed();
      throw error;
    }
  }

  /** Everything as it comes, single keys aside: who switched them off needs that. */
  async reset() {
    if (Object.keys(this.own).length) await this.saveOwn({});
    await this.saveActions(this.actions.map((action) => ({ ...action, key: action.normal })));
  }

  changed() {
    this.apply();
    this.onChange();
  }
}
