// Click on an object and its pixels are found: by the server, from what the picture looks like there. A further click
// mends: beside the found pixels it adds, within them it takes away. [ and ] choose a smaller or larger one, Enter or a
// double click takes it, Escape lets go.

import { at as isAt } from "../bitmap.js";
import { paintHandles } from "../handles.js";
import { paintShape } from "../paint.js";
import { isSemantic, paint } from "../painting.js";
import { bitmapOfShape } from "../shapebits.js";
import { boundsOf } from "../shapes.js";
import { Preview } from "../tint.js";
import { Tool, tidy } from "./tool.js";

const NEAR_PX = 8; // CSS pixels
const DOUBLE_MS = 350;
const DASH = [4, 4];

export class ClickTool extends Tool {
  constructor(board) {
    super(board);
    this.preview = new Preview();
    this.drop();
  }

  begin() {
    this.drop();
  }

  end() {
    this.drop();
  }

  /** What was asked before is not shown any more when it comes. */
  drop() {
    /** @type {{x: number, y: number, inside: boolean}[]} */
    this.clicks = [];
    /** @type {object[]} what the server found, the smallest first */
    this.found = [];
    Object.assign(this, { chosen: 0, window: null, asking: null, last: null });
    this.preview.clear();
    if (this.hasTold) this.board.onTell("");
    this.hasTold = false;
    this.cancel();
  }

  cancel() {
    this.isPressed = false;
    this.board.redraw();
  }

  get proposal() {
    return this.found[this.chosen] ?? null;
  }

  down(at) {
    const { width, height } = this.board.image;
    this.isPressed = at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
  }

  up(at, event) {
    if (!this.isPressed) return;
    this.cancel();
    const isDouble = this.last && event.timeStamp - this.last.when < DOUBLE_MS && this.isNear(this.last, at);
    this.last = { x: at.x, y: at.y, when: event.timeStamp };
    if (isDouble) return this.take();
    this.window ??= this.inSight();
    const isWithin = this.proposal !== null && isAt(this.bitmap(), Math.floor(at.x), Math.floor(at.y));
    this.clicks.push({ x: tidy(at.x), y: tidy(at.y), inside: !isWithin });
    void this.ask();
  }

  isNear(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y) <= this.board.px(NEAR_PX);
  }

  /** The part of the image on the screen: small things are found in it that the whole does not show. */
  inSight() {
    const { image, place, picture } = this.board;
    if (!picture.zoomed) return null;
    const from = this.board.inside({ x: -place.x / place.scale, y: -place.y / place.scale });
    const to = this.board.inside({ x: (picture.box.width - place.x) / place.scale, y: (picture.box.height - place.y) / place.scale });
    const width = Math.max(1, Math.round(to.x - from.x));
    const height = Math.max(1, Math.round(to.y - from.y));
    return width >= image.width && height >= image.height ? null : [Math.floor(from.x), Math.floor(from.y), width, height];
  }

  async ask() {
    const { board, clicks, window } = this;
    const asking = (this.asking = {});
    this.board.redraw();
    let answer = null;
    let trouble = null;
    try {
      answer = await board.askPixels({ clicks, window, category: board.category });
    } catch (error) {
      trouble = error;
    }
    if (this.asking !== asking) return; // another click, another image
    this.asking = null;
    if (answer?.objects.length) this.show(answer.objects, answer.chosen);
    else if (trouble) this.fail(trouble.message);
    else this.fail(board.spoken.say("click_found_nothing"));
    board.redraw();
  }

  show(found, chosen) {
    Object.assign(this, { found, chosen });
    this.preview.show(this.bitmap());
    const { spoken } = this.board;
    this.tell(spoken.say(found.length > 1 ? "click_found_some" : "click_found", { n: chosen + 1, total: found.length }));
  }

  /** The click is taken back: the ones before are as they were. */
  fail(sentence) {
    this.clicks.pop();
    if (!this.clicks.length) this.window = null;
    this.tell(sentence);
  }

  tell(sentence) {
    this.hasTold = true;
    this.board.onTell(sentence);
    this.board.say(sentence);
  }

  bitmap() {
    return bitmapOfShape(this.proposal);
  }

  take() {
    const { board, proposal } = this;
    if (!proposal) return;
    const bitmap = this.bitmap();
    this.drop();
    const { task } = board;
    const ready = task === "boxes" ? boxOf(proposal) : task === "polygons" && proposal.polygon ? { polygon: proposal.polygon } : null;
    if (ready || (proposal.number !== undefined && !isSemantic(board))) {
      const shape = ready ?? (proposal.mask ? { mask: proposal.mask } : boxOf(proposal));
      this.drawn(shape, "click", proposal.number ?? null);
      return;
    }
    if (!isSemantic(board)) this.scene.choose([]); // another object, whatever is chosen
    paint(board, bitmap, { name: "click" });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey ? event.key.toLowerCase() !== "z" || event.shiftKey : event.altKey) return false;
    if (!this.clicks.length) return false;
    const { crosshair } = this.board;
    if (event.key === "[" || event.key === "]") this.step(event.key === "]" ? 1 : -1);
    else if (event.key === "Escape") {
      this.drop();
      this.board.sayThat("let_go");
    } else if (event.key === "Backspace" || event.ctrlKey || event.metaKey) this.takeBack();
    else if (event.key === "Enter" && !this.proposal) return Boolean(this.asking); // the answer comes: nothing is done before
    else if (event.key === "Enter" && !(crosshair.isShown && !this.isNear(this.clicks.at(-1), crosshair.at))) this.take();
    else return false;
    this.board.redraw();
    return true;
  }

  step(way) {
    const chosen = Math.max(0, Math.min(this.found.length - 1, this.chosen + way));
    if (chosen !== this.chosen) this.show(this.found, chosen);
  }

  takeBack() {
    this.clicks.pop();
    if (!this.clicks.length) {
      this.drop();
      this.board.sayThat("let_go");
    } else void this.ask();
  }

  draw(context) {
    const { board, clicks, proposal } = this;
    if (!clicks.length) return;
    if (proposal) {
      this.preview.draw(context, this.colour);
      if (board.task === "boxes") paintShape(context, boxOf(proposal), { colour: this.colour, scale: board.place.scale, line: 2, fill: 0, dash: DASH });
    }
    paintHandles(context, clicks.filter(({ inside }) => inside), board.px(1), this.colour, this.asking ? 9 : 6);
    paintHandles(context, clicks.filter(({ inside }) => !inside), board.px(1), "#ffffff", this.asking ? 9 : 6);
  }
}

function boxOf(shape) {
  if (shape.box) return { box: shape.box };
  const { x, y, width, height } = boundsOf(shape);
  return { box: [x, y, width, height] };
}
