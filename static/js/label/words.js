// Sentences for the person, from the page's translated texts.

export class Words {
  /**
   * @param {Object<string, string>} texts with {placeholders}
   * @param {string} language
   */
  constructor(texts, language) {
    this.texts = texts;
    this.numbers = new Intl.NumberFormat(language);
    this.lists = new Intl.ListFormat(language, { type: "conjunction" });
    this.plurals = new Intl.PluralRules(language);
    this.percents = new Intl.NumberFormat(language, { style: "percent" });
  }

  /** @param {string} name @param {Object<string, string | number>} [values] numbers are written as the language does */
  say(name, values = {}) {
    const text = this.texts[name];
    if (text === undefined) throw new Error(`No text named ${name}.`);
    return text.replace(/\{(\w+)\}/g, (_, value) => (typeof values[value] === "number" ? this.number(values[value]) : values[value]));
  }

  has(name) {
    return name in this.texts;
  }

  /** The sentence for this number: `name_one` or `name_other`, with {n}. */
  count(name, n, values = {}) {
    return this.say(`${name}_${this.plurals.select(n) === "one" ? "one" : "other"}`, { n, ...values });
  }

  number(value) {
    return this.numbers.format(value);
  }

  percent(value) {
    return this.percents.format(value / 100);
  }

  /** @param {string[]} names */
  list(names) {
    return this.lists.format(names);
  }
}
