// What an earlier tab left unsent becomes part of the history again: counted as answered, to be undone and changed.
// No page here.

/** Skips are no answers: they do not count as work done. */
export const counts = (choice) => choice.answer !== "skip";

/**
 * What is written down beside an answer, so that any later page can say what it was.
 * @param {import("./types.js").Claim} claim
 * @param {import("./types.js").Choice} choice
 * @param {{project: {id: number, categories: import("./types.js").Category[]}, step: number}} about step: how much the
 *   number of images done changes
 * @returns {import("./types.js").Note}
 */
export function noteOf(claim, choice, { project, step }) {
  const names = (choice.categories ?? []).map((id) => project.categories.find((category) => category.id === id)?.name ?? "");
  // What the person was shown is the server's to know: the suggestion is not kept.
  return { project: project.id, claim: { image: { ...claim.image }, prelabel: null }, choice, names, step };
}

/**
 * @param {{history: import("./types.js").Answered[], done: number}} told newest first, as the server tells it
 * @param {import("./types.js").Sending[]} sendings of this project, in the order in which they were made
 * @param {Set<string>} known keys of what the server has, although nobody here heard it say so
 * @returns {{history: import("./types.js").Answered[], done: number}}
 */
export function withKept({ history, done }, sendings, known) {
  let told = [...history];
  for (const sending of sendings) {
    const { imageId, method, key, note } = sending;
    told = told.filter(({ claim }) => claim.image.id !== imageId);
    if (method === "PUT") told.unshift({ claim: note.claim, choice: note.choice, sending });
    done += known.has(key) ? 0 : note.step;
  }
  return { history: told, done };
}

/** Claims of the images that were taken back last: they were on the screen, and still want an answer. Oldest first. */
export function leftOpen(sendings) {
  const last = new Map(sendings.map((sending) => [sending.imageId, sending]));
  return [...last.values()].filter(({ method, state }) => method === "DELETE" && state !== "refused").map(({ note }) => note.claim);
}
