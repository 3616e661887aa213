// The open places of an image, and what was chosen for each. No page here.

import { boundsOf } from "../draw/shapes.js";
import { objectFrom } from "../draw/objects.js";

export class Places {
  /** @param {{n: number, asked: number, candidates: object[]}[]} given */
  constructor(given) {
    this.all = given.map(({ candidates, ...place }) => ({
      ...place,
      candidates: candidates.map((one) => ({ who: one.who, ...objectFrom(one) })),
      taken: null, // which candidate
      isOut: false,
      key: null, // of the object on the board
    }));
    this.current = this.all.length ? 0 : -1;
  }

  isOpen(place) {
    return place.taken === null && !place.isOut && !place.isDrawn;
  }

  get open() {
    return this.all.filter((place) => this.isOpen(place));
  }

  /** @param {number | null} at a candidate; -1: left out; null: open again */
  set(n, at) {
    Object.assign(this.all[n], { taken: at !== null && at >= 0 ? at : null, isOut: at === -1, key: null });
  }

  /** To the next open place after this one, or the first. */
  next() {
    const after = this.all.findIndex((place, n) => n > this.current && this.isOpen(place));
    this.current = after >= 0 ? after : this.all.findIndex((place) => this.isOpen(place));
  }

  /** After each change of the board: a taken drawing that was deleted is open again; one drawn at the place settles it. */
  follow(scene) {
    for (const place of this.all) {
      if (place.key && !scene.get(place.key)) Object.assign(place, { taken: null, key: null });
      place.isDrawn = place.taken === null && !place.isOut && scene.objects.some((object) => !object.open && covers(object, place));
    }
  }

  /** Drawings of open places. @returns {{candidate: object, at: number, isCurrent: boolean}[]} */
  shown() {
    return this.all.flatMap((place, n) => (this.isOpen(place) ? place.candidates.map((candidate, at) => ({ candidate, at, isCurrent: n === this.current })) : []));
  }
}

/** Does an object lie where somebody drew at this place: half of their bounds in common? */
export function covers(object, place) {
  return place.candidates.some(({ shape }) => overlap(boundsOf(object.shape), boundsOf(shape)) >= 0.5);
}

/** Intersection over union of two upright rectangles. */
export function overlap(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a.width * a.height + b.width * b.height - width * height);
}
