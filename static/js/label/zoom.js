// Where the image lies in its stage when it is fitted, zoomed and moved. No page here: arithmetic on boxes.

/**
 * @typedef {{width: number, height: number}} Size of an image in its own pixels, of the stage in CSS pixels
 * @typedef {{x: number, y: number}} Point in CSS pixels from the stage's top left
 * @typedef {{scale: number, x: number, y: number}} Place CSS pixels per image pixel, and where the image's top left is
 */

export const MARGIN = 12; // around a fitted image, so that its edge can be told from the stage's
export const STEP = 1.5;
const LARGEST_PIXEL = 8; // device pixels that one image pixel may fill
const LARGE = 4096; // px: an image whose longer side is longer has tiles (labeler/intake/pyramid.py)
const LEAST_REACH = 4; // a small image may be zoomed as well: at least so many times as large as fitted

/** Is it shown by tiles, and never decoded whole? @param {Size} image */
export function isTiled({ width, height }) {
  return Math.max(width, height) > LARGE;
}

/** All of the image, as large as the stage allows. @param {Size} image @param {Size} stage @returns {Place} */
export function fit(image, stage) {
  const room = { width: Math.max(1, stage.width - 2 * MARGIN), height: Math.max(1, stage.height - 2 * MARGIN) };
  const scale = Math.min(room.width / image.width, room.height / image.height);
  return centred(image, stage, scale);
}

function centred(image, stage, scale) {
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 };
}

/** The largest scale worth having. @param {number} density device pixels per CSS pixel @param {number} [pixel] what one image pixel may fill */
export function largest(image, stage, density, pixel = LARGEST_PIXEL) {
  return Math.max(pixel / density, LEAST_REACH * fit(image, stage).scale);
}

/** What "100 %" is: one device pixel for each pixel of the image; twice as large as fitted where that would be no closer. */
export function closer(image, stage, density) {
  const whole = fit(image, stage).scale;
  const exact = 1 / density;
  return exact >= 1.2 * whole ? exact : 2 * whole;
}

/** The same place at another scale, with what lies under `point` staying there. @param {Point} point @returns {Place} */
export function zoomedAt(place, scale, point) {
  const by = scale / place.scale;
  return { scale, x: point.x - (point.x - place.x) * by, y: point.y - (point.y - place.y) * by };
}

export function movedBy(place, dx, dy) {
  return { ...place, x: place.x + dx, y: place.y + dy };
}

/** Never smaller than fitted, never larger than worth having. */
export function bounded(scale, image, stage, density, pixel = LARGEST_PIXEL) {
  return Math.min(largest(image, stage, density, pixel), Math.max(fit(image, stage).scale, scale));
}

/**
 * The nearest place that is allowed: no empty stage on one side while the image goes on at the other.
 * @param {Place} place with a scale that is bounded() @returns {Place} that of fit() when it is (nearly) that small
 */
export function allowed({ scale, x, y }, image, stage) {
  const whole = fit(image, stage);
  if (scale <= whole.scale * 1.005) return whole;
  return { scale, x: within(x, stage.width, image.width * scale), y: within(y, stage.height, image.height * scale) };
}

/** A side that fits stays in the middle; a longer one covers the stage, up to the margin around it. */
function within(start, room, length) {
  if (length <= room - 2 * MARGIN) return (room - length) / 2;
  return Math.min(MARGIN, Math.max(room - length - MARGIN, start));
}

/**
 * Where two fingers have brought the image: what lay between them at the start lies between them now.
 * @param {(scale: number) => number} bound fingers may go further than the scale does
 */
export function pinched(place, start, now, bound) {
  const scale = bound((place.scale * distance(now)) / Math.max(1, distance(start)));
  const [from, to] = [between(start), between(now)];
  return movedBy(zoomedAt(place, scale, from), to.x - from.x, to.y - from.y);
}

const distance = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);
const between = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** How much one turn of the wheel changes the scale. A trackpad's pinch arrives as a wheel with Ctrl, in small steps. */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const pixels = deltaY * [1, 16, 400][deltaMode];
  return Math.min(2, Math.max(0.5, Math.exp(-pixels * (ctrlKey ? 0.01 : 0.002))));
}

/** Does the screen ask for more pixels than the preview has? @param {number} previewWidth in pixels */
export function outgrows(place, image, previewWidth, density) {
  return image.width * place.scale * density > previewWidth * 1.01;
}
