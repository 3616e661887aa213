// A polygon by clicks, by one stroke, or both. Its points are in the scene at once, as an open object: so a step back
// takes the last of them, and a draft keeps what is there.

import { crossingOf } from "../crossing.js";
import { paintHandles } from "../handles.js";
import { traceRing } from "../paint.js";
import { signedArea } from "../shapes.js";
import { simplified, simplifiedRing } from "../simplify.js";
import { follow } from "../snapping.js";
import { Tool, tidy } from "./tool.js";

const STROKE_PX = 8; // CSS pixels: what moves further while pressed is a stroke
const OFF_PX = 1; // CSS pixels that a stroke's points may be off after it was simplified
const DOUBLE_MS = 350;
const SMALLEST = 1; // square pixel

export class PolygonTool extends Tool {
  begin() {
    this.mark = this.scene.mark;
    this.now = null;
    this.cancel();
  }

  end() {
    this.cancel();
    this.board.setAtWork([]);
  }

  cancel() {
    Object.assign(this, { pressed: null, stroke: null });
    const { openPolygon } = this.scene;
    if (this.board.image) this.board.setAtWork(openPolygon ? [openPolygon.key] : []);
    this.board.redraw();
  }

  /** Points so far, [x1, y1, …]. */
  get ring() {
    return this.scene.openPolygon?.shape.polygon[0] ?? [];
  }

  get first() {
    return { x: this.ring[0], y: this.ring[1] };
  }

  down(at, event) {
    this.pressed = { at, point: this.pointFor(at, event) };
    this.now = this.pressed.point;
  }

  move(at, event) {
    this.now = this.pointFor(at, event);
    if (this.pressed) {
      const away = Math.hypot(at.x - this.pressed.at.x, at.y - this.pressed.at.y);
      if (!this.stroke && away > this.board.px(STROKE_PX)) this.stroke = [this.pressed.point.x, this.pressed.point.y];
      const inside = this.board.inside(at);
      this.stroke?.push(inside.x, inside.y);
    }
    this.board.redraw();
  }

  up(at, event) {
    const { stroke, pressed } = this;
    Object.assign(this, { pressed: null, stroke: null });
    if (!pressed) return;
    if (stroke) return this.addStroke(stroke);
    const isDouble = this.last && event.timeStamp - this.last.when < DOUBLE_MS && this.isNear(this.last.at, at);
    this.last = { at, when: event.timeStamp };
    if (this.ring.length >= 6 && (isDouble || this.isNear(this.first, pressed.point))) return this.close();
    if (!isDouble) this.addPoint(pressed.point, event);
  }

  isNear(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y) <= this.board.px(STROKE_PX);
  }

  /** Where a point is set: on a neighbour's border when that is near, except with Alt. */
  pointFor(at, event) {
    const inside = this.board.inside(at);
    const snap = event.altKey ? null : this.board.snap(inside, this.scene.openPolygon?.key);
    return snap ?? inside;
  }

  addPoint(point, event) {
    const { ring } = this;
    const added = [tidy(point.x), tidy(point.y)];
    if (ring.length && ring.at(-2) === added[0] && ring.at(-1) === added[1]) return;
    // From one point of a neighbour's border to another the border is followed.
    const from = ring.length && point.ring ? this.board.snap({ x: ring.at(-2), y: ring.at(-1) }, this.scene.openPolygon.key, 0.02) : null;
    const way = from?.ring === point.ring && point.ring ? follow(point.ring, from.at, point.at, event.shiftKey) : [];
    this.put([...ring, ...way, ...added]);
    this.board.sayThat("point_set", { n: this.ring.length / 2 });
  }

  addStroke(stroke) {
    const { ring } = this;
    const tolerance = this.board.px(OFF_PX);
    if (!ring.length) {
      this.put(simplifiedRing(stroke, tolerance).map(tidy));
      return this.close();
    }
    this.put([...ring, ...simplified(stroke, tolerance).map(tidy)]);
    if (this.isNear(this.first, { x: stroke.at(-2), y: stroke.at(-1) })) this.close();
  }

  /** @param {number[]} ring the open polygon's points from now on */
  put(ring) {
    const { openPolygon } = this.scene;
    if (openPolygon) this.scene.change(openPolygon.key, { shape: { polygon: [ring] } }, "point");
    else {
      this.mark = this.scene.mark;
      this.scene.add({ category: this.board.category, shape: { polygon: [ring] }, open: true }, "point");
    }
    this.cancel();
  }

  close() {
    const { openPolygon } = this.scene;
    // The halves of a figure of eight cancel out: that is no line.
    const isLine = Math.abs(signedArea(this.ring)) < SMALLEST && !crossingOf(this.ring);
    if (this.ring.length < 6 || isLine) return this.board.sayThat("too_small");
    this.scene.step("polygon", () => {
      this.scene.change(openPolygon.key, { open: false });
      this.scene.choose([openPolygon.key]);
    });
    this.scene.fold(this.mark, "polygon");
    this.cancel();
    this.board.sayObject("added", this.scene.get(openPolygon.key));
    this.sayCrossing(openPolygon.shape.polygon[0]);
  }

  /** It is kept as drawn: the server offers to mend it, and a point can be moved. */
  sayCrossing(ring) {
    const at = crossingOf(ring);
    if (at) this.board.say(this.board.spoken.point(at, this.board.image, "crosses_itself"));
  }

  key(event) {
    const { openPolygon } = this.scene;
    if (!openPolygon || event.ctrlKey || event.metaKey) return false;
    if (event.key === "Enter") {
      // With the crosshair somewhere else Enter sets a point there, like Space.
      const { isShown, at } = this.board.crosshair;
      if (isShown && (tidy(at.x) !== this.ring.at(-2) || tidy(at.y) !== this.ring.at(-1))) return false;
      this.close();
    } else if (event.key === "Backspace") {
      if (this.ring.length > 2) this.put(this.ring.slice(0, -2));
      else this.scene.remove([openPolygon.key], "point");
      this.board.sayThat("point_removed", { n: this.ring.length / 2 });
    } else if (event.key === "Escape") {
      this.scene.remove([openPolygon.key], "let go");
      this.board.sayThat("let_go");
    } else return false;
    this.cancel();
    return true;
  }

  draw(context) {
    const { board, ring, now, stroke } = this;
    const { openPolygon } = this.scene;
    const line = stroke ? [...ring, ...stroke] : now && ring.length ? [...ring, now.x, now.y] : ring;
    const colour = openPolygon ? board.colourOf(openPolygon.category) : this.colour;
    context.setLineDash([]);
    for (const [width, style] of [[4, "#ffffff"], [2, colour]]) {
      context.lineWidth = board.px(width);
      context.strokeStyle = style;
      context.beginPath();
      traceRing(context, line, false);
      context.stroke();
    }
    const points = [];
    for (let n = 0; n < ring.length; n += 2) points.push({ x: ring[n], y: ring[n + 1] });
    paintHandles(context, points.slice(1), board.px(1), colour, 5);
    if (points.length) paintHandles(context, points.slice(0, 1), board.px(1), colour, 9); // to close on
    if (now?.ring) paintHandles(context, [now], board.px(1), "#000000", 7); // it snaps
    if (board.isDown && !stroke) board.drawLoupe(context, now);
  }
}
