// What is asked about an object, and what is still missing. No page here.

/** @param {import("./types.js").Question[]} questions @param {number} category */
export function askedOf(questions, category) {
  return questions.filter(({ categories }) => !categories.length || categories.includes(category));
}

const isEmpty = (value) => value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);

/** The first required question without an answer. @param {import("../../draw/types.js").DrawnObject} object */
export function missingOf(questions, { category, attributes }) {
  return askedOf(questions, category).find(({ name, required }) => required && isEmpty(attributes[name])) ?? null;
}

/** Answers with one more, or without: an empty one is none. */
export function answered(attributes, name, value) {
  const { [name]: _, ...others } = attributes;
  return isEmpty(value) ? others : { ...others, [name]: value };
}
