// Pixels on the active layer before they are painted. Knows canvases and colours.

/** As masks are painted, so that nothing jumps when the pointer is let go. */
export const TINT = 0.45;
const TAKEN = "#ffffff";

/** @param {string} colour of CSS @returns {number} as a pixel of ImageData */
function asPixel(colour) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
}

/** @param {import("./rle.js").Bitmap} bitmap @param {string} colour @returns {OffscreenCanvas | null} null: no room in it */
export function tinted({ width, height, bits }, colour) {
  if (!width || !height) return null;
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new Uint32Array(bits.length);
  const tint = asPixel(colour);
  for (let i = 0; i < bits.length; i += 1) if (bits[i]) pixels[i] = tint;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  return canvas;
}

/** One bitmap after the other, each made into a canvas once. */
export class Preview {
  constructor() {
    this.clear();
  }

  clear() {
    this.show(null);
  }

  /** @param {import("./rle.js").Bitmap | null} bitmap @param {number} [every] one of its pixels is so many of the image */
  show(bitmap, every = 1) {
    this.bitmap = bitmap;
    this.every = every;
    this.canvas = null;
  }

  /** @param {CanvasRenderingContext2D} context in image pixels @param {string} colour @param {boolean} [takes] is it taken away? */
  draw(context, colour, takes = false) {
    if (!this.bitmap) return;
    this.canvas ??= tinted(this.bitmap, takes ? TAKEN : colour);
    if (!this.canvas) return;
    context.imageSmoothingEnabled = false;
    context.globalAlpha = TINT;
    const { x, y, width, height } = this.bitmap;
    context.drawImage(this.canvas, x, y, width * this.every, height * this.every);
    context.globalAlpha = 1;
  }
}

/** What is taken away, in a colour that no class has. */
export const colourOf = (colour, takes) => (takes ? TAKEN : colour);
