// Refused files by their reason, with what to do about it. labeler/intake/advice.py is the same for pages without a script.

import { el } from "../../dom.js";

const NAMES_SHOWN = 100;

/** @param {string} reason @param {[string, string][]} table a piece of a reason, what to do */
export function adviceFor(reason, table) {
  return table.find(([piece]) => reason.includes(piece))?.[1] ?? "";
}

/** Collects refusals: pure, so that it can be tested without a page. */
export class Refusals {
  constructor(table) {
    this.table = table;
    this.groups = new Map();
    this.total = 0;
  }

  /** @param {string} name @param {string} reason @param {boolean} [isRow] of a table, not a file */
  add(name, reason, isRow = false) {
    let group = this.groups.get(reason);
    if (!group) {
      group = { reason, advice: adviceFor(reason, this.table), n: 0, names: [], rows: isRow };
      this.groups.set(reason, group);
    }
    if (!name) return; // a remark on the whole
    group.n += 1;
    this.total += 1;
    if (group.names.length < NAMES_SHOWN) group.names.push(name);
  }

  /** The most frequent reason first. */
  sorted() {
    return [...this.groups.values()].sort((a, b) => b.n - a.n);
  }
}

/**
 * The list as templates/imports/refusals.html draws it. What is open stays open.
 * @param {HTMLElement} list @param {Refusals} refusals @param {(n: number, rows: boolean) => string} files @param {(n: number) => string} more
 */
export function draw(list, refusals, files, more) {
  const open = new Set([...list.querySelectorAll("details[open]")].map((part) => part.dataset.reason));
  list.replaceChildren(
    ...refusals.sorted().map(({ reason, advice, n, names, rows }) => {
      const item = el("li", {}, el("p", { class: "why" }, reason));
      if (advice) item.append(el("p", { class: "mut" }, advice));
      if (n) {
        const rest = n - names.length;
        item.append(
          el(
            "details",
            { "data-reason": reason, open: open.has(reason) || n <= 3 },
            el("summary", {}, files(n, rows)),
            el("ul", { class: "names" }, ...names.map((name) => el("li", {}, name)), ...(rest ? [el("li", {}, more(rest))] : [])),
          ),
        );
      }
      return item;
    }),
  );
}
