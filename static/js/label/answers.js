// What an answer is, and what Enter would do now. No page here.

/**
 * Places (from 0) of the suggested classes, [] when nothing is suggested or one of them can no longer be chosen.
 * @param {import("./types.js").Prelabel | null | undefined} prelabel
 * @param {import("./types.js").Category[]} categories
 */
export function suggested(prelabel, categories) {
  if (!prelabel) return null;
  const places = prelabel.categories.map((wanted) => categories.findIndex(({ id, name }) => id === wanted || name === wanted));
  return places.includes(-1) ? null : places;
}

/**
 * What Enter (and a swipe to the right) does, so that the button can say it beforehand.
 * In multi-label work untouched classes mean "not looked at yet": Enter then accepts a suggestion. As soon as a class
 * was switched on or off, the person is answering, and Enter saves exactly what is switched on, also nothing.
 * @param {{multi: boolean, chosen: Set<number>, touched: boolean, suggestion: number[] | null}} now
 * @returns {{kind: "accept" | "save" | "none" | "nothing", places: number[]}}
 */
export function enterMeans({ multi, chosen, touched, suggestion }) {
  if (!multi) return suggestion?.length === 1 ? { kind: "accept", places: suggestion } : { kind: "nothing", places: [] };
  if (!touched && suggestion) return { kind: "accept", places: suggestion };
  const places = [...chosen].sort((a, b) => a - b);
  return places.length ? { kind: "save", places } : { kind: "none", places: [] };
}

/**
 * How sure the model is: a percentage only when it was calibrated, else a word, because an uncalibrated 0.93
 * promises what nobody has checked. Null: a model of another program that says nothing of it.
 * @returns {{percent: number} | {word: "likely" | "unsure"} | null}
 */
export function confidence({ probability, calibrated }) {
  if (probability === null) return null;
  return calibrated ? { percent: Math.round(probability * 100) } : { word: probability >= LIKELY ? "likely" : "unsure" };
}
const LIKELY = 0.7;

/** The body of the PUT. `seconds` and the version of the label set tell what the person saw and how long. */
export function bodyOf(choice, { seconds, labelSet }) {
  const { categories, ...said } = choice; // of drawn objects the server counts them itself
  return { ...(choice.objects ? said : choice), seconds, label_set: labelSet };
}
