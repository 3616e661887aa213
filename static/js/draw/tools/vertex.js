// The points of one polygon: moved alone or with their edge, added, deleted; and holes, drawn inside with Shift.

import { crossingOf } from "../crossing.js";
import { paintHandles } from "../handles.js";
import { paintChosen } from "../paint.js";
import { contains, ringsOf } from "../shapes.js";
import { Together } from "../together.js";
import { addHole, edgeAt, edgeMiddles, insertVertex, moveEdge, moveVertex, vertexAt, vertexHandles, vertexOf } from "../vertices.js";
import { Hole } from "./hole.js";
import { Tool, tidy } from "./tool.js";
import { vertexKey } from "./vertexkeys.js";

const MIDDLE_PX = 28; // CSS pixels: shorter edges have no handle in their middle
const APART_PX = 7;

export class VertexTool extends Tool {
  constructor(board) {
    super(board);
    this.cursor = "default";
    this.keepsChoice = true;
    this.spot = null;
    this.together = new Together(board.scene);
  }

  begin() {
    this.spot = null;
    this.hole = null;
    this.cancel();
  }

  end() {
    this.begin();
  }

  cancel() {
    Object.assign(this, { mode: null, polygon: null });
    this.hole?.cancel();
    if (this.board.atWork.size) this.board.setAtWork([]);
    this.board.redraw();
  }

  /** The one polygon that is chosen and may be changed. */
  get object() {
    const [object, ...more] = this.scene.chosenObjects;
    return object && !more.length && !object.locked && !object.hidden && object.shape.polygon ? object : null;
  }

  get current() {
    return this.polygon ?? this.object.shape.polygon;
  }

  down(at, event) {
    const { board, object } = this;
    const inside = board.inside(at);
    Object.assign(this, { from: inside, mode: "choose" });
    if (!object) return;
    if (this.hole || (event.shiftKey && contains(object.shape, at.x, at.y))) return this.startHole(inside);
    const reach = board.reach(event);
    const spot = vertexAt(this.current, at, reach);
    const edge = edgeAt(this.current, at, reach);
    if (spot) {
      this.spot = spot;
      this.mode = event.altKey ? "delete" : "vertex";
    } else if (edge) {
      this.spot = edge;
      const [middle] = edgeMiddles(this.current, (x, y) => Math.hypot(x - at.x, y - at.y) <= reach, board.px(MIDDLE_PX));
      if (middle) this.insert(middle, middle);
      else this.mode = "edge";
    } else this.spot = null;
    board.redraw();
  }

  startHole(at) {
    this.mode = "hole";
    this.hole ??= new Hole(this.board, (ring) => this.addHole(ring));
    this.hole.down(at);
  }

  /** Add a vertex and hold it: what follows moves it. */
  insert(edge, at) {
    this.polygon = insertVertex(this.current, edge, { x: tidy(at.x), y: tidy(at.y) });
    this.spot = { ring: edge.ring, place: edge.place + 1 };
    this.mode = "vertex";
  }

  move(at, event) {
    const { board } = this;
    const inside = board.inside(at);
    if (this.hole) this.hole.move(inside);
    this.now = inside;
    if (!this.mode || this.mode === "hole") return board.redraw();
    if (this.isClick(inside, this.from) && !this.isMoving) return;
    if (this.mode === "vertex" || this.mode === "edge") {
      if (!this.isMoving) board.setAtWork([this.object.key]);
      this.isMoving = true;
      this.polygon = this.mode === "vertex" ? this.vertexTo(inside, event) : this.edgeBy(inside);
    }
    board.redraw();
  }

  vertexTo(at, event) {
    const { x, y } = (event.altKey ? null : this.board.snap(at, this.object.key)) ?? at;
    return moveVertex(this.current, this.spot, { x: tidy(x), y: tidy(y) });
  }

  edgeBy(at) {
    return moveEdge(this.object.shape.polygon, this.spot, tidy(at.x - this.from.x), tidy(at.y - this.from.y));
  }

  up(at, event) {
    const { mode, isMoving, polygon, board } = this;
    this.isMoving = false;
    if (mode === "hole") this.hole.up();
    else if (mode === "delete") this.key(new KeyboardEvent("keydown", { key: "Delete" }));
    else if (mode === "edge" && !isMoving) {
      this.insert(this.spot, this.spot);
      this.put(this.polygon);
    } else if (polygon) this.put(polygon);
    else if (mode === "choose") {
      const [object] = board.hits(at, event);
      this.scene.choose(object ? [object.key] : []);
      board.sayChosen();
    } else if (this.spot) this.saySpot();
    this.cancel();
  }

  /** @param {import("../types.js").PolygonShape["polygon"]} polygon of the chosen object from now on */
  put(polygon, name = "points") {
    const { key } = this.object;
    this.scene.change(key, { shape: { polygon } }, name);
    const at = this.spot && crossingOf(ringsOf(polygon)[this.spot.ring] ?? []);
    if (at) this.board.say(this.board.spoken.point(at, this.board.image, "crosses_itself"));
    else this.saySpot();
  }

  addHole(ring) {
    this.hole = null;
    const polygon = addHole(this.current, ring);
    if (!polygon) return this.board.sayThat("hole_outside");
    this.put(polygon, "hole");
    this.board.sayObject("changed", this.object);
  }

  saySpot() {
    if (!this.object || !this.spot) return;
    const { place } = this.spot;
    const at = vertexOf(this.current, this.spot);
    if (at.x === undefined) return void (this.spot = null); // a step back took it
    const total = this.current.flat(2).length / 2;
    this.board.say(this.board.spoken.point(at, this.board.image, "point_chosen", { n: place + 1, total }));
  }

  key(event) {
    return this.object !== null && vertexKey(this, event);
  }

  classChosen(id) {
    return this.board.does.reclass(id);
  }

  draw(context) {
    const { board, object } = this;
    if (!object) return;
    const { scale } = board.place;
    const colour = board.colourOf(object.category);
    const shape = { polygon: this.current };
    paintChosen(context, shape, { colour, scale, isNew: this.polygon !== null });
    if (!this.isMoving) {
      const isSeen = board.seen();
      paintHandles(context, edgeMiddles(this.current, isSeen, board.px(MIDDLE_PX)), board.px(1), colour, 4);
      paintHandles(context, vertexHandles(this.current, isSeen, board.px(APART_PX)), board.px(1), colour, 7);
    }
    if (this.spot) paintHandles(context, [vertexOf(this.current, this.spot)].filter(({ x }) => x !== undefined), board.px(1), "#000000", 10);
    this.hole?.draw(context, colour);
    if (this.isMoving) board.drawLoupe(context, this.now);
  }
}
