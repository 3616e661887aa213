// All that changes how the image is looked at, and nothing else: zoom, and what is built from it for keys and buttons.

import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);

export class Viewing {
  constructor() {
    this.viewer = new Viewer($("stage"), $("frame"), { onChange: (now) => this.drawZoom(now) });
    const { viewer } = this;
    /** For buttons with data-does. */
    this.does = {
      zoom_in: () => viewer.zoomIn(),
      zoom_out: () => viewer.zoomOut(),
      zoom_fit: () => viewer.toFit(),
      zoom_toggle: () => viewer.toggle(),
    };
  }

  /**
   * @param {NonNullable<ReturnType<typeof import("./looks.js").lookFor>>} look @param {KeyboardEvent} event
   * @returns {boolean} false: the key is free for something else
   */
  look({ kind, x, y }, { target, defaultPrevented }) {
    if (kind !== "pan") return Object.hasOwn(this.does, kind) && this.does[kind]() !== false;
    // Arrows that go from answer to answer, or scroll the guideline, are taken.
    return !defaultPrevented && !$("rail").contains(target) && this.viewer.pan(x, y);
  }

  drawZoom({ zoomed, atMost }) {
    $("zoom-out").setAttribute("aria-disabled", String(!zoomed));
    $("zoom-fit").setAttribute("aria-disabled", String(!zoomed));
    $("zoom-in").setAttribute("aria-disabled", String(atMost));
  }
}
