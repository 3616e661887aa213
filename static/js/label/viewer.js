// The image on its stage: fitted, zoomed by wheel, fingers, keys and buttons, moved, and sharpened by its full size.
// Knows one image at a time; not what is answered about it.

import { el } from "../dom.js";
import { STEP, allowed, bounded, closer, fit, isTiled, largest, movedBy, outgrows, pinched, wheelFactor, zoomedAt } from "./zoom.js";

const TAP_MS = 300; // between the two taps of a double tap
const TAP_PX = 24;
const PAN_SHARE = 0.15; // of the stage, for one arrow key
const REST_MS = 160; // after the last movement the image is drawn sharply again
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000]; // before the full size is asked for again

export class Viewer {
  /**
   * @param {HTMLElement} stage where fingers and wheel are heard
   * @param {HTMLElement} frame what cuts off, and takes colour filters
   * @param {{onChange: (now: {zoomed: boolean, atMost: boolean}) => void}} options
   */
  constructor(stage, frame, { onChange }) {
    Object.assign(this, { stage, frame, onChange });
    this.sheet = el("div", { class: "sheet" }); // what is moved: the preview, and the full size on top of it
    this.box = { width: stage.clientWidth, height: stage.clientHeight };
    this.image = null;
    this.fingers = new Map();
    this.listen();
    new ResizeObserver(([{ contentRect }]) => this.resized(contentRect)).observe(stage);
  }

  /** @param {HTMLImageElement} img the decoded preview @param {{width: number, height: number, file_url: string}} image */
  show(img, image) {
    this.image = image;
    this.preview = img;
    this.full = null;
    this.from = null; // fingers that are down belong to the image before
    delete this.stage.dataset.full;
    this.sheet.replaceChildren(img);
    this.endTiles();
    if (this.sheet.parentNode !== this.frame) this.frame.replaceChildren(this.sheet);
    /** Shown by tiles over the preview, and never decoded whole. */
    this.isTiled = Boolean(image.file_url) && isTiled(image);
    if (this.isTiled) void this.layTiles(image);
    this.toFit();
  }

  /** Few images are so large: what shows them comes with the first. */
  async layTiles(image) {
    const { TileLayer } = await import("../draw/tilelayer.js");
    if (this.image !== image || this.tiles) return;
    this.tiles = new TileLayer(tilesOf(image), this.frame, this.drawing);
    this.put(this.place);
  }

  /** No image: words stand in its place. */
  clear() {
    this.image = null;
    this.endTiles();
    this.frame.replaceChildren();
    this.tell();
  }

  endTiles() {
    this.tiles?.end();
    this.tiles = null;
  }

  /** How tiles are drawn: blurred where enlarged, as the browser enlarges the preview. */
  get drawing() {
    return { squaresFrom: Infinity, onDrawn: () => {} };
  }

  get zoomed() {
    return this.image !== null && this.place.scale > this.whole.scale;
  }

  // ---- what a key, a button or a gesture asks for

  toFit() {
    if (this.image) this.put(fit(this.image, this.box));
  }

  /** @param {number} by times as large @param {{x: number, y: number}} [point] stays where it is; else the middle */
  zoom(by, point = this.middle, how = { glide: true }) {
    if (this.image) this.put(zoomedAt(this.place, this.bound(this.place.scale * by), point), how);
  }

  allow(place) {
    return allowed(place, this.image, this.box);
  }

  bound(scale) {
    return bounded(scale, this.image, this.box, devicePixelRatio);
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  /** All of it, or each pixel of it. By key: around the pointer when it is on the stage. */
  toggle(point = this.pointer ?? this.middle) {
    if (!this.image) return;
    if (this.zoomed) this.put(this.whole, { glide: true });
    else this.put(zoomedAt(this.place, closer(this.image, this.box, devicePixelRatio), point), { glide: true });
  }

  /** One step towards what lies right (x = 1), left, down or up. @returns {boolean} false: nothing to move */
  pan(x, y) {
    if (!this.zoomed) return false;
    this.put(movedBy(this.place, -x * PAN_SHARE * this.box.width, -y * PAN_SHARE * this.box.height), { glide: true });
    return true;
  }

  // ---- drawing

  get middle() {
    return { x: this.box.width / 2, y: this.box.height / 2 };
  }

  get whole() {
    return fit(this.image, this.box);
  }

  /** @param {import("./zoom.js").Place} wanted @param {{glide?: boolean}} [how] glide: a step the eye should follow */
  put(wanted, { glide = false } = {}) {
    this.place = this.allow(wanted);
    const { scale, x, y } = this.place;
    const whole = this.whole.scale;
    const { style } = this.sheet;
    this.sheet.classList.toggle("glide", glide);
    // The layout never changes while zooming, only the transform: the compositor does it alone.
    style.width = `${this.image.width * whole}px`;
    style.height = `${this.image.height * whole}px`;
    style.transform = `translate(${x}px, ${y}px) scale(${scale / whole})`;
    this.tell();
    const isClose = this.zoomed && outgrows(this.place, this.image, this.preview.naturalWidth, devicePixelRatio);
    if (this.tiles) this.tiles.put(this.place, this.box, { isClose, glide });
    else if (isClose && !this.full && !this.isTiled) void this.sharpen();
  }

  tell() {
    const zoomed = this.zoomed;
    this.stage.toggleAttribute("data-zoomed", zoomed);
    this.onChange({ zoomed, atMost: this.image === null || this.place.scale >= largest(this.image, this.box, devicePixelRatio) });
  }

  /** While it moves the compositor scales what is there; a layer that is promised to move is not drawn anew. */
  moving() {
    this.sheet.style.willChange = "transform";
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.sheet.style.removeProperty("will-change"), REST_MS);
  }

  resized({ width, height }) {
    const was = this.box;
    this.box = { width, height };
    if (!this.image) return;
    const zoomed = this.place.scale > fit(this.image, was).scale;
    this.put(zoomed ? movedBy(this.place, (width - was.width) / 2, (height - was.height) / 2) : fit(this.image, this.box));
  }

  /**
   * Put the full size on top of the preview, in the same box, so that nothing jumps and nothing flashes.
   * Asked for once per image and never before somebody looks closer.
   */
  async sharpen() {
    const { image } = this;
    this.full = new Image(); // also says: under way
    for (let attempt = 0; this.image === image; attempt += 1) {
      const img = new Image();
      Object.assign(img, { alt: "", draggable: false, src: image.file_url });
      try {
        await img.decode();
        if (this.image !== image) return;
        this.full = img;
        this.sheet.append(img);
        this.stage.dataset.full = String(image.id);
        return;
      } catch {
        // Lost network, or a server that is busy making others: the preview goes on serving.
        if (attempt >= PAUSES_MS.length) return void (this.full = null); // the next movement asks again
        await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[attempt]));
      }
    }
  }

  // ---- wheel, mouse and fingers

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.lift(event));
    stage.addEventListener("pointerleave", () => (this.pointer = null));
    stage.addEventListener("dblclick", (event) => {
      if (this.lastType !== "mouse" || onControl(event)) return; // fingers: see up()
      this.toggle(this.at(event));
    });
  }

  /** @returns {{x: number, y: number}} on the stage */
  at({ clientX, clientY }) {
    const { left, top } = this.stage.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  wheel(event) {
    if (!this.image) return;
    event.preventDefault(); // also the browser's own zoom of the whole page, for Ctrl
    this.moving();
    this.zoom(wheelFactor(event), this.at(event), {});
  }

  down(event) {
    this.lastType = event.pointerType;
    if (!this.image || onControl(event) || (event.pointerType === "mouse" && event.button !== 0)) return;
    const point = this.at(event);
    this.fingers.set(event.pointerId, { start: point, now: point, since: event.timeStamp, alone: true });
    if (this.fingers.size > 1) for (const finger of this.fingers.values()) finger.alone = false;
    this.anchor();
  }

  /** A finger came or went: what follows is measured from here. */
  anchor() {
    for (const finger of this.fingers.values()) finger.start = finger.now;
    this.from = this.place;
  }

  move(event) {
    this.pointer = event.pointerType === "mouse" ? this.at(event) : null;
    const finger = this.fingers.get(event.pointerId);
    if (!finger) return;
    finger.now = this.at(event);
    if (!this.from) return;
    const [one, two] = this.fingers.values();
    if (!two && !this.zoomed) return; // one finger on the whole image is a swipe: gestures.js
    // Captured only now: a click on the whole image stays a click.
    if (!this.stage.hasPointerCapture(event.pointerId)) this.stage.setPointerCapture(event.pointerId);
    this.moving();
    if (!two) this.put(movedBy(this.from, one.now.x - one.start.x, one.now.y - one.start.y));
    else this.put(pinched(this.from, [one.start, two.start], [one.now, two.now], (scale) => this.bound(scale)));
  }

  up(event) {
    const finger = this.fingers.get(event.pointerId);
    this.lift(event);
    if (!finger || event.pointerType === "mouse") return;
    const point = this.at(event);
    const isTap = finger.alone && event.timeStamp - finger.since < TAP_MS && near(point, finger.start);
    const isSecond = isTap && this.tap && event.timeStamp - this.tap.when < TAP_MS && near(point, this.tap);
    if (isSecond) this.toggle(point);
    this.tap = isTap && !isSecond ? { ...point, when: event.timeStamp } : null;
  }

  lift(event) {
    if (!this.fingers.delete(event.pointerId) || !this.image) return;
    if (this.from) this.anchor();
  }
}

/** Beside the full size, wherever that is. */
const tilesOf = ({ file_url }) => new URL("../tiles/", new URL(file_url, location.href)).href;
const near = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) < TAP_PX;

/** The words in place of an image have buttons. */
function onControl({ target }) {
  return target instanceof Element && target.closest("button, a") !== null;
}
