// Choose objects, move them, and change their size by handles or keys.

import { cursorOf, dragged, handleAt, handlesOf, paintHandles } from "../handles.js";
import { paintShape } from "../paint.js";
import { allowedMove, around, boundsOf, boxBetween, fitted, meets, movedShape } from "../shapes.js";
import { Nudging } from "./nudging.js";
import { Tool, tidy } from "./tool.js";

const SMALLEST = 1; // image pixel

export class SelectTool extends Tool {
  constructor(board) {
    super(board);
    this.cursor = "default";
    this.keepsChoice = true;
    this.nudging = new Nudging(board);
    this.cancel();
  }

  end() {
    this.cancel();
  }

  cancel() {
    Object.assign(this, { mode: null, shapes: new Map(), by: [0, 0], frame: null });
    if (this.board.atWork.size) this.board.setAtWork([]);
    this.board.redraw();
  }

  down(at, event) {
    const { board, scene } = this;
    Object.assign(this, { from: at, wasChosen: null });
    this.handle = this.handleAt(at, event);
    if (this.handle) return void (this.mode = "pressed");
    this.found = board.hits(at, event);
    const key = this.found.find((object) => scene.chosen.includes(object.key))?.key ?? this.found[0]?.key;
    if (!key) return void (this.mode = "frame");
    this.mode = "pressed";
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      const others = scene.chosen.filter((each) => each !== key);
      return this.choose(others.length < scene.chosen.length ? others : [...others, key]);
    }
    if (scene.chosen.includes(key)) this.wasChosen = key;
    else this.choose([key]);
  }

  move(at, event) {
    if (!this.mode) return this.hover(at, event);
    if (this.mode === "pressed" && !this.isClick(at, this.from)) this.start();
    if (this.mode === "move") this.moveBy(at);
    if (this.mode === "resize") this.resizeTo(this.board.inside(at));
    if (this.mode === "frame") this.frame = boxBetween(this.from, at);
    this.now = at;
    this.board.redraw();
  }

  up(at, event) {
    const { mode, shapes, by, frame } = this;
    if (mode === "pressed" && this.wasChosen && !event.shiftKey) this.chooseBelow();
    if (mode === "frame") this.choose(frame && !this.isClick(at, this.from) ? this.within(frame) : []);
    if (mode === "move" || mode === "resize") {
      const ended = (shape) => (mode === "move" ? movedShape(shape, ...by) : shape);
      this.scene.step(mode, () => shapes.forEach((shape, key) => this.scene.change(key, { shape: ended(shape) })));
      this.board.sayObject("changed", this.scene.chosenObjects[0]);
    }
    this.cancel();
  }

  /** The handles of one object that may be changed. */
  handleAt(at, event) {
    const [object, ...more] = this.scene.chosenObjects;
    if (!object || more.length || object.locked || object.hidden || object.shape.mask) return null;
    return handleAt(boundsOf(object.shape), at, this.board.reach(event));
  }

  hover(at, event) {
    const handle = this.handleAt(at, event);
    this.board.stage.style.cursor = handle ? cursorOf(handle) : this.board.hits(at, event).length ? "move" : this.cursor;
  }

  start() {
    const free = this.scene.chosenObjects.filter(({ locked, hidden }) => !locked && !hidden);
    this.mode = this.handle ? "resize" : "move";
    this.shapes = new Map(free.map(({ key, shape }) => [key, shape]));
    this.board.setAtWork([...this.shapes.keys()]);
  }

  moveBy(at) {
    const bounds = around([...this.shapes.values()].map(boundsOf));
    if (bounds) this.by = allowedMove(bounds, at.x - this.from.x, at.y - this.from.y, this.board.image).map(tidy);
  }

  resizeTo(at) {
    const [key] = this.shapes.keys();
    const { shape } = this.scene.get(key);
    const to = dragged(boundsOf(shape), this.handle, { x: tidy(at.x), y: tidy(at.y) });
    if (to.width >= SMALLEST && to.height >= SMALLEST) this.shapes.set(key, fitted(shape, to));
  }

  /** A click on what is chosen goes to what lies under it. */
  chooseBelow() {
    const place = this.found.findIndex(({ key }) => key === this.wasChosen);
    const next = this.found[(place + 1) % this.found.length];
    if (next) this.choose([next.key]);
  }

  within([x, y, width, height]) {
    const frame = { x, y, width, height };
    return this.scene.objects.filter(({ shape, hidden, locked }) => !hidden && !locked && meets(boundsOf(shape), frame)).map(({ key }) => key);
  }

  choose(keys) {
    this.scene.choose(keys);
    this.board.sayChosen();
  }

  /** A digit is for what is chosen. */
  classChosen(id) {
    return this.board.does.reclass(id);
  }

  key(event) {
    return this.nudging.key(event);
  }

  draw(context) {
    const { board, scene } = this;
    const { scale } = board.place;
    board.drawChosen(context, this.shapes, this.by);
    const [object, ...more] = scene.chosenObjects;
    const now = object && (this.shapes.get(object.key) ?? object.shape);
    if (object && !more.length && !now.mask && !object.hidden) {
      const { x, y, width, height } = boundsOf(now);
      const bounds = { x: x + this.by[0], y: y + this.by[1], width, height };
      paintHandles(context, handlesOf(bounds), board.px(1), board.colourOf(object.category));
    }
    if (this.frame) paintShape(context, { box: this.frame }, { colour: board.colourOf(null), scale, line: 1, fill: 0.08, dash: [4, 4] });
    if (this.mode === "resize") board.drawLoupe(context, this.now);
  }
}
