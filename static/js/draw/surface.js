// What lies on top of each other on the stage: the picture, all shapes, and what the tool in hand draws; and where a
// point of the stage is in the image. Knows neither tools nor keys.

import { el } from "../dom.js";
import { paintMark } from "./marks.js";
import { coloursOf, paintShape } from "./paint.js";
import { PictureLayer } from "./picture.js";
import { ShapesLayer } from "./shapeslayer.js";
import { areaOf, borderDistance, boundsOf, contains } from "./shapes.js";
import { snapTo } from "./snapping.js";

const REACH = 6; // CSS pixels around a border or a handle that still count as on it; doubled for fingers
const SNAP = 8; // CSS pixels
const NO_CLASS = "#888888";

export class Surface {
  /** @param {HTMLElement} stage with a .frame for the picture, or empty */
  constructor(stage) {
    this.stage = stage;
    /** @type {import("./types.js").Picture | null} */
    this.image = null;
    this.classes = new Map();
    this.atWork = new Set(); // keys that a tool draws itself
    const frame = stage.querySelector(":scope > .frame") ?? stage.appendChild(el("div", { class: "frame" }));
    this.picture = new PictureLayer(stage, frame, () => this.redraw());
    this.shapes = new ShapesLayer(stage, {
      image: () => this.image,
      objects: () => this.scene.objects,
      within: (rect) => this.grid.within(rect),
      paint: (context, object, scale) => this.paint(context, object, scale),
    });
    this.active = el("canvas", { class: "active", "aria-hidden": "true" });
    stage.append(this.active);
    new ResizeObserver(() => this.resized()).observe(stage);
    const recolour = () => this.recolour();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** CSS pixels per image pixel, and where the image's top left is on the stage. */
  get place() {
    return this.picture.place;
  }

  set place(place) {
    this.picture.put(place);
  }

  /** So many CSS pixels, in pixels of the image. */
  px(css) {
    return css / this.place.scale;
  }

  /** @param {{clientX: number, clientY: number}} event @returns {import("./types.js").Point} */
  at(event) {
    const { x, y } = this.picture.at(event);
    return { x: (x - this.place.x) / this.place.scale, y: (y - this.place.y) / this.place.scale };
  }

  /** Is a point of the image in sight? @returns {(x: number, y: number) => boolean} */
  seen() {
    const { scale, x: left, y: top } = this.place;
    const { width, height } = this.picture.box;
    return (x, y) => x * scale + left >= 0 && x * scale + left <= width && y * scale + top >= 0 && y * scale + top <= height;
  }

  /** The nearest point of the image. */
  inside({ x, y }) {
    return { x: Math.max(0, Math.min(this.image.width, x)), y: Math.max(0, Math.min(this.image.height, y)) };
  }

  /** How near counts as on it, in image pixels. */
  reach(event) {
    return this.px(event?.pointerType === "touch" ? 2 * REACH : REACH);
  }

  /** Objects at a point that may be chosen: those whose border is there, then the smallest. @param {Event} [event] */
  hits({ x, y }, event) {
    const reach = this.reach(event);
    const found = this.grid
      .near(x, y, reach)
      .filter(({ hidden, locked, open }) => !hidden && !locked && !open)
      .map((object) => ({ object, isBorder: borderDistance(object.shape, x, y) <= reach, area: areaOf(object.shape) }))
      .filter(({ object, isBorder }) => isBorder || contains(object.shape, x, y));
    return found.sort((a, b) => b.isBorder - a.isBorder || a.area - b.area).map(({ object }) => object);
  }

  /** A vertex or an edge of a neighbour near this point. @param {string} [key] of the object that is being drawn @param {number} [reach] image pixels */
  snap({ x, y }, key, reach = this.px(SNAP)) {
    const others = this.grid.near(x, y, reach).filter((object) => object.key !== key && !object.hidden && !object.open);
    return snapTo({ x, y }, reach, others);
  }

  recolour() {
    this.colours = coloursOf(this.stage);
    this.shapes.anew();
    this.redraw();
  }

  colourOf(category) {
    return this.colours?.[this.classes.get(category)?.colour ?? 0] ?? NO_CLASS;
  }

  /** The picture at the size of the image; null: too large, or only there in tiles. @returns {ImageData | null} */
  pixels() {
    return this.picture.pixels();
  }

  // ---- drawing

  /** Objects that the tool draws on the active layer itself. @param {string[]} keys */
  setAtWork(keys) {
    if (!this.image) return;
    const other = [...this.atWork, ...keys].filter((key) => this.atWork.has(key) !== keys.includes(key));
    this.atWork = new Set(keys);
    if (this.grid) this.shapes.damage(this.grid.boundsOf(other)); // a tool may be taken in hand before the first image
    this.redraw();
  }

  paint(context, object, scale) {
    if (object.hidden || this.atWork.has(object.key)) return;
    const dash = object.locked ? [6, 4] : object.open ? [2, 4] : this.dashOf?.(object);
    const colour = this.colourOf(object.category);
    paintShape(context, object.shape, { colour, scale, dash });
    // A mask has no line that could be broken.
    if (dash && object.shape.mask) paintShape(context, { box: Object.values(boundsOf(object.shape)) }, { colour, scale, dash, fill: 0 });
    const mark = this.classes.get(object.category)?.shape;
    if (mark && !object.open) paintMark(context, object.shape, { colour, scale, mark, surface: this.colours[7] });
  }

  resized() {
    if (!this.image || !this.stage.clientWidth) return;
    const box = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    const [width, height] = [Math.round(box.width * devicePixelRatio), Math.round(box.height * devicePixelRatio)];
    if (this.active.width !== width || this.active.height !== height) Object.assign(this.active, { width, height });
    this.shapes.resize(box, devicePixelRatio);
    this.redraw();
  }

  /** Draw with the next frame, once. */
  redraw() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      this.draw(now);
    });
  }

  draw(now) {
    const context = this.active.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.active.width, this.active.height);
    if (!this.image) return;
    this.shapes.moved(this.place, now);
    if (this.shapes.slice(now)) this.redraw();
    const { scale, x, y } = this.place;
    const d = devicePixelRatio;
    context.setTransform(d * scale, 0, 0, d * scale, d * x, d * y);
    this.drawActive(context);
  }
}
