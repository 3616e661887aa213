// All objects on a canvas that is larger than the stage. While the image moves only its transform changes; at rest, and
// when its edge comes into sight, it is painted anew on a second canvas, in slices, which then takes its place.

import { el } from "../dom.js";
import { boundsOf, meets, pointsOf } from "./shapes.js";

const BEYOND = 0.25; // of the stage, painted on each side
const REST_MS = 120;
const SLICE = { points: 2_500, objects: 400 }; // painted in one frame
const FIRST_SLICE = { points: 8_000, objects: 1_200 }; // of an image that was just opened: nothing moves yet
const EDGE = 9; // CSS pixels that lines and markers reach beyond their shape

export class ShapesLayer {
  /**
   * @param {HTMLElement} stage
   * @param {{image: () => object, objects: () => readonly object[], within: (rect: object) => object[], paint: (context: object, object: object,
   *   scale: number) => void}} source objects: from below to above; within: those of a part of the image, in no order
   */
  constructor(stage, source) {
    this.source = source;
    this.front = this.canvas();
    this.back = this.canvas();
    stage.append(this.front.element, this.back.element);
    this.work = null;
  }

  canvas() {
    const element = el("canvas", { class: "shapes", "aria-hidden": "true" });
    element.hidden = true;
    return { element, context: element.getContext("2d"), place: null };
  }

  /** @param {{width: number, height: number}} box of the stage @param {number} density device pixels per CSS pixel */
  resize(box, density) {
    Object.assign(this, { box, density });
    this.margin = { x: Math.round(box.width * BEYOND), y: Math.round(box.height * BEYOND) };
    this.anew();
  }

  /** Another image: nothing of the one before may be seen. */
  clear() {
    this.front.element.hidden = true;
    this.front.place = null;
    this.anew();
  }

  anew() {
    this.isStale = true;
    this.work = null;
  }

  /** @param {import("../label/zoom.js").Place} place where the image is now */
  moved(place, now) {
    if (place !== this.place) this.lastMoved = now;
    this.place = place;
    const painted = this.front.place;
    if (!painted) return;
    const by = place.scale / painted.scale;
    const [x, y] = [place.x - (painted.x + this.margin.x) * by, place.y - (painted.y + this.margin.y) * by];
    this.front.element.style.transform = `translate(${x}px, ${y}px) scale(${by})`;
    if (by !== 1 || place.x !== painted.x || place.y !== painted.y) this.isBlurred = true;
    const reaches = x <= 0 && y <= 0 && x + this.width * by >= this.box.width && y + this.height * by >= this.box.height;
    if (!reaches && !this.work && !this.coversImage(painted)) this.isStale = true;
  }

  get width() {
    return this.box.width + 2 * this.margin.x;
  }

  get height() {
    return this.box.height + 2 * this.margin.y;
  }

  /** The part of the image that a canvas painted there holds. */
  part({ scale, x, y }) {
    const reach = (start, margin) => (-start - margin - EDGE) / scale;
    return { x: reach(x, this.margin.x), y: reach(y, this.margin.y), width: (this.width + 2 * EDGE) / scale, height: (this.height + 2 * EDGE) / scale };
  }

  coversImage(place) {
    const { x, y, width, height } = this.part(place);
    const image = this.source.image();
    return x <= 0 && y <= 0 && x + width >= image.width && y + height >= image.height;
  }

  /** Something changed there: painted at once where that is little, else all in slices. @param {object[]} rects */
  damage(rects) {
    const { place, context } = this.front;
    if (!rects.length) return;
    if (!place || this.work || this.isStale || rects.length > 50) return this.anew();
    const edge = EDGE / place.scale;
    const wide = rects.map(({ x, y, width, height }) => ({ x: x - edge, y: y - edge, width: width + 2 * edge, height: height + 2 * edge }));
    const found = new Set(wide.flatMap((rect) => this.source.within(rect)));
    let points = 0;
    for (const { shape } of found) points += pointsOf(shape);
    if (found.size > SLICE.objects || points > SLICE.points) return this.anew();
    context.save();
    const path = new Path2D();
    for (const { x, y, width, height } of wide) path.rect(x, y, width, height);
    this.aim(this.front, place);
    context.clip(path);
    for (const { x, y, width, height } of wide) context.clearRect(x, y, width, height);
    for (const object of this.source.objects()) if (found.has(object)) this.source.paint(context, object, place.scale);
    context.restore();
  }

  aim({ context }, { scale, x, y }) {
    const { density: d, margin } = this;
    context.setTransform(d * scale, 0, 0, d * scale, d * (x + margin.x), d * (y + margin.y));
  }

  /** One frame's share of painting. @returns {boolean} true: there is more to do, or there will be at rest */
  slice(now) {
    if (!this.place || !this.box?.width) return false;
    if (!this.isStale && !this.work && this.isBlurred && now - this.lastMoved > REST_MS) this.isStale = true;
    if (this.isStale) this.start();
    if (!this.work) return this.isBlurred === true;
    const { work, back } = this;
    const most = { ...(this.front.place ? SLICE : FIRST_SLICE) };
    while (work.next < work.objects.length && most.points > 0 && most.objects > 0) {
      const object = work.objects[work.next];
      work.next += 1;
      most.objects -= 1;
      most.points -= pointsOf(object.shape);
      this.source.paint(back.context, object, back.place.scale);
    }
    if (work.next >= work.objects.length) this.swap();
    return this.work !== null || this.isBlurred === true;
  }

  start() {
    const { back, density } = this;
    Object.assign(this, { isStale: false, isBlurred: false });
    const [width, height] = [Math.ceil(this.width * density), Math.ceil(this.height * density)];
    if (back.element.width !== width || back.element.height !== height) {
      Object.assign(back.element, { width, height });
      Object.assign(back.element.style, { width: `${this.width}px`, height: `${this.height}px` });
    }
    back.context.setTransform(1, 0, 0, 1, 0, 0);
    back.context.clearRect(0, 0, width, height);
    back.place = { ...this.place };
    this.aim(back, back.place);
    const part = this.part(back.place);
    this.work = { next: 0, objects: this.source.objects().filter(({ shape }) => meets(boundsOf(shape), part)) };
  }

  swap() {
    this.work = null;
    [this.front, this.back] = [this.back, this.front];
    this.front.element.hidden = false;
    this.back.element.hidden = true;
    this.moved(this.place, performance.now());
  }
}
