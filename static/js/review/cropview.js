// One object out of its image: the part around it, with a margin, and its box drawn. Knows pixels, nothing of answers.

import { el } from "../dom.js";

const MARGIN = 0.35; // of the longer side, on each side: what lies around it often says what it is
const LEAST = 24; // px of the image on each side
const SMALL = 256; // px: the short side of a thumbnail

/**
 * The square part of an image to show around a box, in px of the image; it may reach over the edge.
 * @param {number[]} box x, y, width, height
 */
export function around([x, y, width, height]) {
  const longer = Math.max(width, height);
  const side = longer + 2 * Math.max(LEAST, MARGIN * longer);
  return { x: x + width / 2 - side / 2, y: y + height / 2 - side / 2, side };
}

/** Does a thumbnail have pixels enough for so large a part? Else the preview is fetched. */
export function isLarge(side, width, height) {
  return side * SMALL >= 180 * Math.min(width, height);
}

/** The element: an <svg> whose view is that part; the browser crops the image it has for all crops of it. */
export function cropped({ box, width, height, preview_url: preview, thumbnail_url: thumbnail }) {
  const { x, y, side } = around(box);
  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  };
  const view = svg("svg", { viewBox: `${x} ${y} ${side} ${side}`, "aria-hidden": "true" });
  view.append(svg("image", { href: isLarge(side, width, height) ? thumbnail : preview, width, height, preserveAspectRatio: "none" }));
  for (const under of ["crop-under", "crop-box"]) {
    view.append(svg("rect", { class: under, x: box[0], y: box[1], width: box[2], height: box[3] }));
  }
  return el("span", { class: "crop-pic" }, view);
}
