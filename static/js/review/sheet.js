// What a person has said of one page so far: which image is next, which are marked, what was changed. No page here.

/** The same classes, whatever their order. */
const same = (a, b) => a.length === b.length && a.every((id) => b.includes(id));

export class Sheet {
  /** @param {import("./types.js").Tile[]} tiles @param {{multi: boolean}} project */
  constructor(tiles, { multi }) {
    Object.assign(this, { tiles, multi });
    /** @type {import("./types.js").Said[]} */
    this.said = tiles.map(() => null);
    this.current = 0;
    this.anchor = 0; // the other end of what is marked
    this.isPinned = false; // chosen by a click: the mouse on its way to a button must not choose another
    /** @type {{said: import("./types.js").Said[], current: number}[]} */
    this.before = [];
  }

  /** Places from first to last marked; mostly one. */
  get marked() {
    const [from, to] = [Math.min(this.current, this.anchor), Math.max(this.current, this.anchor)];
    return Array.from({ length: to - from + 1 }, (_, step) => from + step);
  }

  get isRange() {
    return this.current !== this.anchor;
  }

  /** @param {{extend?: boolean}} [options] extend: mark all from the anchor to there */
  moveTo(place, { extend = false } = {}) {
    if (!(place in this.tiles)) return false;
    this.current = place;
    if (!extend) this.anchor = place;
    this.isPinned = false;
    return true;
  }

  /** @param {"left" | "right" | "up" | "down" | "first" | "last"} direction @param {number} columns of the grid now */
  step(direction, columns, options) {
    const last = this.tiles.length - 1;
    const to = { left: this.current - 1, right: this.current + 1, up: this.current - columns, down: this.current + columns, first: 0, last }[direction];
    // From the last whole row down into a shorter one: to its end, or its images could not be reached this way.
    const isShort = direction === "down" && to > last && Math.floor(this.current / columns) < Math.floor(last / columns);
    return this.moveTo(isShort ? last : to, options);
  }

  /** The mouse is over an image. */
  hover(place) {
    return !this.isPinned && !this.isRange && place !== this.current && this.moveTo(place);
  }

  /** A click: this one, until it is answered or clicked again. */
  pin(place) {
    const again = this.isPinned && place === this.current && !this.isRange;
    this.moveTo(place);
    this.isPinned = !again;
  }

  /** Nothing but the image in hand is marked. @returns {boolean} whether more was */
  unmark() {
    const was = this.isRange || this.isPinned;
    this.anchor = this.current;
    this.isPinned = false;
    return was;
  }

  /** What is said of an image now: its classes; null: it goes back. */
  categoriesAt(place) {
    const said = this.said[place];
    if (said === null) return this.tiles[place].category_ids;
    return "categories" in said ? said.categories : null;
  }

  /** A class by key, click or tap: instead of the model's; in multi-label work it is switched on or off. */
  choose(id) {
    if (!this.multi) return this.say(() => [id]);
    const everywhere = this.marked.every((place) => this.categoriesAt(place)?.includes(id));
    return this.say((categories) => (everywhere ? categories.filter((other) => other !== id) : [...new Set([...categories, id])]));
  }

  /** None of the classes: only where any number is an answer. */
  chooseNone() {
    return this.multi && this.say(() => []);
  }

  /** @param {(categories: number[]) => number[]} change */
  say(change) {
    return this.change((place) => {
      const categories = change(this.categoriesAt(place) ?? []);
      return same(categories, this.tiles[place].category_ids) ? null : { categories };
    });
  }

  /** Back to labeling; all that is marked being sent back already: not, after all. */
  sendBack() {
    const all = this.marked.every((place) => this.categoriesAt(place) === null);
    return this.change(() => (all ? null : { answer: "back" }));
  }

  change(sayOf) {
    if (!this.tiles.length) return false;
    this.before.push({ said: [...this.said], current: this.current });
    for (const place of this.marked) this.said[place] = sayOf(place);
    // Several classes may be switched on for the same images; one class is one answer, and the next image is free.
    if (!this.multi) this.unmark();
    return true;
  }

  /** @returns {boolean} whether there was a change to undo */
  undo() {
    const last = this.before.pop();
    if (!last) return false;
    this.said = last.said;
    this.moveTo(last.current);
    return true;
  }

  get counts() {
    const back = this.said.filter((said) => said && "answer" in said).length;
    const change = this.said.filter((said) => said && "categories" in said).length;
    return { confirm: this.said.length - back - change, change, back };
  }

  get isTouched() {
    return this.said.some(Boolean);
  }

  /** The items of POST /api/projects/{id}/reviews/. */
  items() {
    return this.tiles.map(({ image, category_ids: categories }, place) => ({ image: image.id, ...(this.said[place] ?? { categories }) }));
  }
}
