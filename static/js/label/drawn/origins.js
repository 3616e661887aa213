// Which objects are still as the model drew them, and nobody has said yes to. No page here.

/** As the board takes them. @param {{objects?: object[]} | null | undefined} prelabel */
export function suggestedObjects(prelabel) {
  return (prelabel?.objects ?? []).map(({ number, category_id, box, polygon, mask }) => ({
    category: category_id,
    ...(box && { box }),
    ...(polygon && { polygon }),
    ...(mask && { mask }),
    attributes: {},
    from: number,
  }));
}

export class Origins {
  /** @param {object[]} suggested from suggestedObjects(); [] where nothing is to be marked */
  constructor(suggested = []) {
    this.shown = new Map(suggested.map((object) => [object.from, { category: object.category, shape: textOf(object) }]));
    this.kept = new Set();
    this.same = new WeakMap();
  }

  /** @param {import("../../draw/types.js").DrawnObject} object */
  isSuggested({ key, category, shape, from }) {
    const origin = this.shown.get(from);
    if (!origin || this.kept.has(key) || origin.category !== category) return false;
    if (!this.same.has(shape)) this.same.set(shape, textOf(shape) === origin.shape);
    return this.same.get(shape);
  }

  /** More of the pre-label is shown. @param {object[]} suggested from suggestedObjects() */
  add(suggested) {
    for (const object of suggested) this.shown.set(object.from, { category: object.category, shape: textOf(object) });
  }

  keep(key) {
    this.kept.add(key);
  }
}

const textOf = ({ box, polygon, mask }) => JSON.stringify([box, polygon, mask && [mask.size, mask.counts, mask.offset ?? [0, 0]]]);
