// Mouse, pen and fingers: one draws, two fingers pan and pinch, Space or the middle button pans, the wheel zooms.

import { movedBy, pinched } from "../label/zoom.js";

export class Pointers {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
    /** @type {Map<number, {start: object, now: object}>} */
    this.fingers = new Map();
    this.drawing = null; // id of the pointer that draws
    this.panning = null;
    const { stage } = board;
    stage.addEventListener("wheel", (event) => board.picture.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.lost(event));
    stage.addEventListener("lostpointercapture", (event) => this.lost(event));
    stage.addEventListener("pointerleave", () => (board.pointer = null));
    // A long press of a finger that draws would open the menu of the browser.
    stage.addEventListener("contextmenu", (event) => this.drawing !== null && event.preventDefault());
  }

  down(event) {
    const { board } = this;
    if (!board.image || onControl(event)) return;
    board.stage.focus({ preventScroll: true });
    const point = board.picture.at(event);
    if (event.pointerType === "touch") {
      if (this.isPen) return; // the hand that lies on the screen beside the pen
      this.fingers.set(event.pointerId, { start: point, now: point });
      if (this.fingers.size > 1) return this.pinch();
    }
    const isMouse = event.pointerType === "mouse";
    if (isMouse && (event.button === 1 || (event.button === 0 && board.isSpaceHeld))) {
      event.preventDefault(); // the middle button would scroll
      this.panning = { id: event.pointerId, start: point, from: board.place };
      board.hasPanned = true;
    } else if (this.drawing === null && (!isMouse || event.button === 0)) {
      this.isPen = event.pointerType === "pen";
      this.drawing = event.pointerId;
      board.isDown = true;
      board.crosshair.hide();
      board.tool.down(board.at(event), event);
    } else return;
    // A pointer made by a test is none that can be captured; all others are.
    if (event.isTrusted) board.stage.setPointerCapture(event.pointerId);
  }

  /** The second finger: nothing was drawn, and both move the image. */
  pinch() {
    this.stop();
    this.isPinching = true;
    this.anchor();
  }

  anchor() {
    for (const finger of this.fingers.values()) finger.start = finger.now;
    this.from = this.board.place;
  }

  /** As if the pointer had never been down. */
  stop() {
    if (this.drawing === null) return;
    this.drawing = null;
    this.isPen = false;
    this.board.isDown = false;
    this.board.tool.cancel();
  }

  move(event) {
    const { board } = this;
    if (!board.image) return;
    const point = board.picture.at(event);
    const finger = this.fingers.get(event.pointerId);
    if (finger) finger.now = point;
    else board.pointer = point;
    if (this.isPinching) return this.pinching();
    if (this.panning?.id === event.pointerId) {
      const { from, start } = this.panning;
      board.picture.moving();
      return board.picture.put(movedBy(from, point.x - start.x, point.y - start.y));
    }
    if (this.drawing === event.pointerId) {
      // All that the hardware saw since the last frame, so that fast strokes stay round.
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) board.tool.move(board.at(each), each);
    } else if (this.drawing === null && event.pointerType !== "touch") {
      board.crosshair.hide();
      board.tool.move(board.at(event), event);
    }
  }

  pinching() {
    const [one, two] = this.fingers.values();
    if (!two) return;
    const { picture } = this.board;
    picture.moving();
    picture.put(pinched(this.from, [one.start, two.start], [one.now, two.now], (scale) => picture.bound(scale)));
  }

  up(event) {
    const { board } = this;
    if (this.drawing === event.pointerId) {
      this.drawing = null;
      this.isPen = false;
      board.isDown = false;
      board.tool.up(board.at(event), event);
    }
    this.lift(event);
  }

  /** The system took the pointer: a call came in, or the palm of a hand. */
  lost(event) {
    if (this.drawing === event.pointerId) this.stop();
    this.lift(event);
  }

  lift(event) {
    if (this.panning?.id === event.pointerId) this.panning = null;
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.isPinching) this.anchor();
    if (!this.fingers.size) this.isPinching = false; // a finger that stays behind draws nothing
  }
}

/** Buttons of the page that lie on the stage. */
function onControl({ target }) {
  return target instanceof Element && target.closest("button, a, input") !== null;
}
