// The objects of one image, which of them are chosen, and the steps back. No page here.

import { objectFrom, objectToSend } from "./objects.js";

const MOST_STEPS = 200;

/** @typedef {import("./types.js").DrawnObject} DrawnObject */

export class Scene {
  /** @param {(scene: Scene, what: "load" | "step" | "undo" | "redo" | "choose") => void} [onChange] */
  constructor(onChange = () => {}) {
    this.onChange = onChange;
    this.serial = 0;
    this.isInStep = false;
    this.begin([]);
  }

  begin(objects) {
    /** @type {readonly DrawnObject[]} from below to above; another array after each change */
    this.objects = objects;
    /** @type {readonly string[]} keys, in the order they were chosen */
    this.chosen = [];
    this.past = [];
    this.future = [];
  }

  /** Another image: no step leads back across. @param {object[]} objects as the server gives them, or with a key and a shape */
  load(objects) {
    const given = new Set(objects.map(({ key }) => key));
    this.begin(objects.map((object) => this.completed(object, given)));
    this.onChange(this, "load");
  }

  /** @param {Set<string>} [taken] keys that nothing else may get */
  completed(object, taken = new Set(this.objects.map(({ key }) => key))) {
    const complete = objectFrom(object);
    let { key } = complete;
    while (!key || (key !== object.key && taken.has(key))) key = `o${(this.serial += 1)}`;
    return { ...complete, key };
  }

  /** @returns {DrawnObject | undefined} */
  get(key) {
    if (this.indexed !== this.objects) {
      this.places = new Map(this.objects.map((object, place) => [object.key, place]));
      this.indexed = this.objects;
    }
    return this.objects[this.places.get(key) ?? -1];
  }

  get chosenObjects() {
    return this.chosen.map((key) => this.get(key)).filter(Boolean);
  }

  // ---- changes

  /**
   * All that `change` does is one step back. Steps inside belong to the outermost.
   * @param {string} name @param {(scene: Scene) => void} change @returns {boolean} false: nothing changed
   */
  step(name, change) {
    if (this.isInStep) {
      change(this);
      return true;
    }
    const before = this.now();
    this.isInStep = true;
    try {
      change(this);
    } catch (error) {
      Object.assign(this, before);
      throw error;
    } finally {
      this.isInStep = false;
    }
    if (this.objects === before.objects) return false;
    this.past.push({ ...before, name });
    if (this.past.length > MOST_STEPS) this.past.shift();
    this.future = [];
    this.onChange(this, "step");
    return true;
  }

  /** @param {Partial<DrawnObject>} object @returns {string} its key */
  add(object, name = "add") {
    const complete = this.completed({ ...object, key: undefined });
    this.step(name, () => (this.objects = [...this.objects, complete]));
    return complete.key;
  }

  /** @param {string} key @param {Partial<DrawnObject>} what */
  change(key, what, name = "change") {
    this.step(name, () => {
      if (this.get(key)) this.objects = this.objects.map((object) => (object.key === key ? { ...object, ...what, key } : object));
    });
  }

  /** @param {readonly string[]} keys */
  remove(keys, name = "remove") {
    const gone = new Set(keys);
    if (!this.objects.some(({ key }) => gone.has(key))) return;
    this.step(name, () => {
      this.objects = this.objects.filter(({ key }) => !gone.has(key));
      this.chosen = this.chosen.filter((key) => !gone.has(key));
    });
  }

  /** @param {number} by places up (or down, below 0) */
  reorder(key, by, name = "reorder") {
    const from = this.objects.findIndex((object) => object.key === key);
    const to = Math.max(0, Math.min(this.objects.length - 1, from + by));
    if (from < 0 || from === to) return;
    this.step(name, () => {
      const rest = this.objects.filter((_, place) => place !== from);
      this.objects = [...rest.slice(0, to), this.objects[from], ...rest.slice(to)];
    });
  }

  /** Choosing is no step: nothing to take back. @param {readonly string[]} keys */
  choose(keys) {
    this.chosen = keys.filter((key) => this.get(key));
    if (!this.isInStep) this.onChange(this, "choose");
  }

  // ---- steps back

  now() {
    return { objects: this.objects, chosen: this.chosen };
  }

  /** @returns {string | null} the name of the step that was taken back; null: there is none */
  undo() {
    return this.go(this.past, this.future, "undo");
  }

  redo() {
    return this.go(this.future, this.past, "redo");
  }

  go(from, to, what) {
    const step = from.pop();
    if (!step) return null;
    to.push({ ...this.now(), name: step.name });
    this.objects = step.objects;
    this.chosen = step.chosen;
    this.onChange(this, what);
    return step.name;
  }

  /** What the last step is now, for fold(). */
  get mark() {
    return this.past.at(-1) ?? null;
  }

  /** All steps after the mark become one: a polygon is drawn point by point, but taken back whole. */
  fold(mark, name) {
    const place = this.past.indexOf(mark);
    if (mark && place < 0) return; // it was taken back, or is longer ago than anything remembered
    const steps = this.past.splice(place + 1);
    if (steps.length) this.past.push({ ...steps[0], name });
  }

  /** The polygon that is still being drawn. @returns {DrawnObject | undefined} */
  get openPolygon() {
    return this.objects.findLast(({ open, shape }) => open && shape.polygon);
  }

  // ---- for the server

  /** What PUT /api/images/{id}/label/ wants. */
  toSend() {
    return this.objects.filter(({ open }) => !open).map(objectToSend);
  }

  /** What PUT /api/images/{id}/draft/ wants: with what is still being drawn. */
  toDraft() {
    return this.objects.map((object) => ({ ...objectToSend(object), ...(object.open && { open: true }) }));
  }
}
