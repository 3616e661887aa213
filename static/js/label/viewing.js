// All that changes how the image is looked at, and nothing else: zoom, brightness, full screen, for keys and buttons.

import { Adjust } from "./adjust.js";
import { fullScreen } from "./fullscreen.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const buttonsFor = (what) => document.querySelectorAll(`[data-does="${what}"]`);

export class Viewing {
  /** @param {{project: number, viewerFor?: (onChange: Function) => Viewer}} options viewerFor: in place of its own */
  constructor({ project, viewerFor = (onChange) => new Viewer($("stage"), $("frame"), { onChange }) }) {
    this.viewer = viewerFor((now) => this.drawZoom(now));
    const adjust = new Adjust($("tune"), $("frame"), { project, button: $("tuner"), mark: $("adjusted") });
    const { viewer } = this;
    /** For keys, and for buttons with data-does; false: not now. */
    this.does = {
      zoom: () => viewer.toggle(),
      zoom_in: () => viewer.zoomIn(),
      zoom_out: () => viewer.zoomOut(),
      zoom_fit: () => viewer.toFit(),
      adjust: () => adjust.toggle(),
      full_screen: fullScreen(buttonsFor("full_screen")),
    };
  }

  /**
   * @param {NonNullable<ReturnType<typeof import("./looks.js").lookFor>>} look @param {KeyboardEvent} event
   * @returns {boolean} false: the key is free for something else
   */
  look({ kind, x, y }, { target, defaultPrevented }) {
    if (kind !== "pan") return this.does[kind]() !== false;
    // Arrows that go from answer to answer, or scroll the guideline, are taken.
    return !defaultPrevented && !$("rail").contains(target) && this.viewer.pan(x, y);
  }

  drawZoom({ zoomed, atMost }) {
    for (const what of ["zoom_out", "zoom_fit"]) setDisabled(what, !zoomed);
    setDisabled("zoom_in", atMost);
  }
}

/** Not the attribute `disabled`: the focus would be lost with the last step. */
function setDisabled(what, is) {
  for (const button of buttonsFor(what)) button.setAttribute("aria-disabled", String(is));
}
