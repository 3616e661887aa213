// The picture under the shapes: placed as on the labeling screen, but closer, and without glides, which shapes could not follow.

import { Viewer } from "../label/viewer.js";
import { bounded, largest } from "../label/zoom.js";

const LARGEST_PIXEL = 16; // device pixels for one of the image: 1,600 %
const PIXELS_SHOW = 3; // from here on pixels are squares and not blurred
const CROP = 5; // times as wide as what the loupe shows
const LOUPE = 2; // pixels of a loupe over tiles, for each of the stage: it enlarges more, but by what tiles there are
const MOST_PIXELS = 24e6; // of ImageData: 96 MB

export class PictureLayer extends Viewer {
  /** @param {HTMLElement} stage @param {HTMLElement} frame @param {() => void} onPlace */
  constructor(stage, frame, onPlace) {
    super(stage, frame, { onChange: () => {} });
    this.onPlace = onPlace;
  }

  /** Wheel, fingers and mouse are heard by the board (pointers.js): one finger draws. */
  listen() {}

  bound(scale) {
    return bounded(scale, this.image, this.box, devicePixelRatio, LARGEST_PIXEL);
  }

  /**
   * Anything, as long as the middle of the stage shows the image: an edge can be brought to where it is drawn best, and
   * what is zoomed at stays under the pointer.
   */
  allow({ scale, x, y }) {
    const { whole, image, middle } = this;
    if (scale <= whole.scale * 1.005) return whole;
    const within = (start, at, length) => Math.min(at, Math.max(at - length * scale, start));
    return { scale, x: within(x, middle.x, image.width), y: within(y, middle.y, image.height) };
  }

  put(wanted) {
    super.put(wanted);
    this.sheet.classList.toggle("squares", this.place.scale * devicePixelRatio >= PIXELS_SHOW);
    this.onPlace();
  }

  /** Exactly there, for measurements and for what follows the crosshair. */
  tell() {
    this.stage.toggleAttribute("data-zoomed", this.zoomed);
    const atMost = this.image === null || this.place.scale >= largest(this.image, this.box, devicePixelRatio, LARGEST_PIXEL);
    const isOther = atMost !== this.atMost || this.zoomed !== this.wasZoomed;
    Object.assign(this, { atMost, wasZoomed: this.zoomed });
    if (isOther) this.onChange({ zoomed: this.zoomed, atMost });
  }

  /** The best that is here: the full size, until then the preview. */
  get source() {
    return this.full?.complete && this.full.naturalWidth ? this.full : this.preview;
  }

  /**
   * The picture's pixels at the size of the image, for tools that look at colours. Enlarged from the preview until the
   * full size is here, which this asks for. @returns {ImageData | null} null: too large, or only there in tiles
   */
  pixels() {
    const { image, source } = this;
    if (!image || this.isTiled || image.width * image.height > MOST_PIXELS) return null;
    if (this.kept?.source === source && this.kept.image === image) return this.kept.pixels;
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(source, 0, 0, image.width, image.height);
    this.kept = { source, image, pixels: context.getImageData(0, 0, image.width, image.height) };
    if (!this.full && image.file_url && source.naturalWidth < image.width) void this.sharpen();
    return this.kept.pixels;
  }

  /**
   * A part of the picture around a point, kept until another is asked for: cutting it from a large picture takes longer
   * than a frame. @param {import("./types.js").Point} at @param {number} reach image pixels to each side, at least
   * @returns {{canvas: OffscreenCanvas, x: number, y: number, by: number}} by: its pixels per image pixel
   */
  crop({ x, y }, reach) {
    const { source, cropped: known } = this;
    const holds = known?.source === source && Math.abs(known.at.x - x) + reach <= known.wide && Math.abs(known.at.y - y) + reach <= known.wide;
    if (holds && known.reach === reach) return known;
    const wide = CROP * reach;
    const shown = source.naturalWidth / this.image.width; // the preview has fewer pixels than the image
    const by = this.tiles?.isClose ? Math.min(1, this.place.scale * devicePixelRatio * LOUPE) : shown;
    const side = Math.max(1, Math.round(2 * wide * by));
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d");
    context.drawImage(source, (x - wide) * shown, (y - wide) * shown, 2 * wide * shown, 2 * wide * shown, 0, 0, side, side);
    context.setTransform(by, 0, 0, by, (wide - x) * by, (wide - y) * by);
    this.tiles?.paint(context);
    this.cropped = { canvas, x: x - wide, y: y - wide, by, at: { x, y }, wide, reach, source };
    return this.cropped;
  }

  sharpen() {
    return this.image.file_url ? super.sharpen() : Promise.resolve();
  }

  get drawing() {
    return { squaresFrom: PIXELS_SHOW, onDrawn: () => (this.cropped = null) };
  }
}
