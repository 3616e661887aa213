// The shapes that pass between the modules of the review grid (JSDoc only).

/**
 * One image of a page, as POST /api/projects/{id}/review-pages/ gives it.
 * @typedef {{image: {id: number, name: string, width: number, height: number, preview_url: string,
 *   thumbnail_url: string, file_url: string}, category_ids: number[], probability: number | null}} Tile
 *
 * What the person says of one image: null: as the model says.
 * @typedef {null | {categories: number[]} | {answer: "back"}} Said
 *
 * @typedef {{id: string, tiles: Tile[], calibrated: boolean, sheet: object}} Page sheet: a Sheet; id: its name
 *   on the server
 *
 * One call about a page, kept until the server said yes or no.
 * @typedef {object} Sending
 * @property {"answer" | "undo"} kind
 * @property {Page} page
 * @property {object} body
 * @property {string} key the same for every attempt: the server does it once
 * @property {number} failures
 * @property {Error | null} error of the last attempt
 *
 * @typedef {{id: number, name: string, key: string, colour: number, shape: number}} Category
 */

export {};
