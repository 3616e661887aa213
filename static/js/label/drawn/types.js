// The shapes that pass between the modules of the drawing screen (JSDoc only).

/**
 * A question about each object, as labeler/pages/label/drawing.py tells it.
 * @typedef {{name: string, kind: "one" | "several" | "yes_no" | "number" | "text", options: string[], required: boolean,
 *   categories: number[]}} Question categories: none means all
 *
 * What is drawn on an image and not answered yet.
 * @typedef {object} Draft
 * @property {string} key of person and image
 * @property {number} person
 * @property {number} imageId
 * @property {object[]} objects as PUT /api/images/{id}/draft/ takes them
 * @property {number} revision of the server's copy that this began from; 0: it has none
 * @property {boolean} isSent the server has all of it
 * @property {number} at milliseconds since 1970
 */

export {};
