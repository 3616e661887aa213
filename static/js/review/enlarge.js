// One image large, in a dialog, with the zoom of the labeling screen. The keys of the grid go on working in it.

import { Viewer } from "../label/viewer.js";

const $ = (id) => document.getElementById(id);

export class Enlarger {
  /** @param {{onClose: () => void}} options */
  constructor({ onClose }) {
    this.dialog = $("large");
    this.dialog.addEventListener("close", onClose);
    $("large-close").addEventListener("click", () => this.close());
    this.viewer = null;
    this.shown = null;
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** @param {import("./types.js").Tile} tile @param {string} title @param {import("./types.js").Tile} [next] looked at next, perhaps */
  async show(tile, title, next) {
    $("large-title").textContent = title;
    if (!this.isOpen) this.dialog.showModal();
    if (this.shown === tile) return;
    this.shown = tile;
    // Made only now: before, the stage had no size.
    this.viewer ??= new Viewer($("large-stage"), $("large-frame"), { onChange: () => {} });
    const img = new Image(tile.image.width, tile.image.height);
    img.draggable = false;
    img.alt = tile.image.name;
    img.src = tile.image.preview_url;
    await img.decode().catch(() => {}); // a broken one shows its name
    if (this.shown === tile && this.isOpen) this.viewer.show(img, tile.image);
    if (next) new Image().src = next.image.preview_url;
  }

  close() {
    this.shown = null;
    this.dialog.close();
  }
}
