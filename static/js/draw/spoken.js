// Objects in words: class, place and size, as shares of the image. No page here.

import { Words } from "../label/words.js";
import { boundsOf } from "./shapes.js";
import { TEXTS } from "./texts.js";

export class Spoken {
  /** @param {Object<string, string>} texts those of TEXTS, translated @param {string} language */
  constructor(texts, language) {
    this.words = new Words({ ...TEXTS, ...texts }, language);
    this.names = new Map();
  }

  say(name, values) {
    return this.words.say(name, values);
  }

  share(value, whole) {
    return this.words.percent((100 * value) / whole);
  }

  nameOf(category) {
    return this.names.get(category) ?? this.words.say("unknown_class");
  }

  /** @param {import("./types.js").DrawnObject} object @param {{width: number, height: number}} image */
  object({ category, shape }, image) {
    const { x, y, width, height } = boundsOf(shape);
    return this.words.say("object", {
      name: this.nameOf(category),
      x: this.share(x, image.width),
      y: this.share(y, image.height),
      width: this.share(width, image.width),
      height: this.share(height, image.height),
    });
  }

  point({ x, y }, image, name = "crosshair", values = {}) {
    return this.words.say(name, { ...values, x: this.share(x, image.width), y: this.share(y, image.height) });
  }
}
