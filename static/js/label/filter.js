// Which classes does what was typed mean, best first? No page here.

/** Lower case without accents: "Écaille" is found by "eca". */
export function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Places of the classes in the order they are listed: those the person uses most, then those everybody uses most.
 * Made once per visit: keys must not move under the fingers.
 * @param {{mine?: number, all?: number}[]} used labels of each class, lately
 * @returns {number[]}
 */
export function byUse(used) {
  const order = used.map((_, place) => place);
  return order.sort((a, b) => (used[b].mine ?? 0) - (used[a].mine ?? 0) || (used[b].all ?? 0) - (used[a].all ?? 0) || a - b);
}

export class Filter {
  /** @param {string[]} names @param {number[]} order places, most used first */
  constructor(names, order) {
    this.folded = names.map(fold);
    this.order = order;
  }

  /**
   * Places whose name has every word of the text: first the whole name, then its beginning, then the beginning of a
   * word of it, then anywhere; within each, in the order of use.
   * @param {string} text @returns {number[]}
   */
  matches(text) {
    const wanted = fold(text).trim();
    if (!wanted) return this.order;
    const words = wanted.split(/\s+/);
    const ranked = [[], [], [], []];
    for (const place of this.order) {
      const name = this.folded[place];
      if (words.every((word) => name.includes(word))) ranked[rank(name, wanted, words)].push(place);
    }
    return ranked.flat();
  }
}

function rank(name, wanted, words) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  return words.every((word) => name.startsWith(word) || / |[-_/(]/.test(name[name.indexOf(word) - 1] ?? "")) ? 2 : 3;
}
