// The drawing board: objects of one image, the tool in hand, and what is said about them.
// Knows one image at a time; not where objects come from, nor where they are sent.

import { commandsOf } from "./commands.js";
import { Crosshair } from "./crosshair.js";
import { forgetGone } from "./forget.js";
import { Grid } from "./grid.js";
import { keyOn, listenToKeys } from "./keyboard.js";
import { drawLoupe } from "./loupe.js";
import { paintName } from "./marks.js";
import { objectFrom } from "./objects.js";
import { paintChosen } from "./paint.js";
import { isSemantic } from "./painting.js";
import { Pointers } from "./pointers.js";
import { Scene } from "./scene.js";
import { semanticOf } from "./semantic.js";
import { boundsOf, meets } from "./shapes.js";
import { Spoken } from "./spoken.js";
import { Surface } from "./surface.js";
import { TOOLS } from "./tools/index.js";

export class Board extends Surface {
  /**
   * @param {HTMLElement} stage with a .frame for the picture, or empty
   * @param {object} [options]
   * @param {(scene: Scene, what: string) => void} [options.onChange] objects changed: load, step, undo or redo
   * @param {(objects: import("./types.js").DrawnObject[], tool: string) => void} [options.onChoose] others are chosen, or another tool
   * @param {(text: string) => void} [options.onSay] one sentence for those who do not see the screen
   * @param {(zoom: {zoomed: boolean, atMost: boolean}) => void} [options.onZoom]
   * @param {(object: import("./types.js").DrawnObject) => (number[] | undefined)} [options.dashOf] a line of its own for an object
   * @param {(asked: object) => Promise<{objects: object[], chosen: number}>} [options.onPixels] what was clicked on
   * @param {(text: string) => void} [options.onTell] one sentence for everybody
   * @param {boolean} [options.pageHears] the page hears keys and hands on what is not its own: see key()
   * @param {() => (object[] | null)} [options.onBefore] objects of the image before, for the key V
   * @param {Object<string, string>} [options.texts] see texts.js
   */
  constructor(stage, options = {}) {
    const { onChange = () => {}, onChoose = () => {}, onSay = () => {}, onBefore = () => null, texts = {} } = options;
    super(stage);
    Object.assign(this, { onChange, onChoose, onSay, onBefore, pageHears: options.pageHears ?? false, dashOf: options.dashOf });
    this.askPixels = options.onPixels ?? (() => Promise.resolve({ objects: [], chosen: 0 }));
    this.onTell = options.onTell ?? (() => {});
    this.picture.onChange = options.onZoom ?? (() => {});
    this.spoken = new Spoken(texts, document.documentElement.lang || "en");
    this.scene = new Scene((_, what) => this.sceneChanged(what));
    this.category = null;
    /** @type {"boxes" | "polygons" | "masks" | "semantic" | null} of the project: what painting makes; null: masks */
    this.task = null;
    this.usesPressure = false; // of a pen, by the brush
    this.isDown = false;
    this.loupe = true;
    stage.classList.add("board");
    for (const [name, value] of [["tabindex", "0"], ["role", "application"], ["aria-label", this.spoken.say("stage")], ["aria-roledescription", this.spoken.say("role")]]) {
      stage.setAttribute(name, value);
    }
    this.crosshair = new Crosshair(this);
    /** For buttons, and for keys that a person chose: board.does.undo(); false: nothing to do */
    this.does = commandsOf(this);
    this.tools = Object.fromEntries(Object.entries(TOOLS).map(([name, Tool]) => [name, new Tool(this)]));
    this.setTools("select");
    this.pointers = new Pointers(this);
    listenToKeys(this);
  }

  // ---- what the page sets

  /** Another image. Undo begins anew. @param {import("./types.js").Picture} image @param {object[]} objects as the server gives them */
  show(image, objects = []) {
    this.dropGesture();
    this.tool.end();
    this.image = image;
    this.atWork.clear();
    this.grid = new Grid(image);
    this.crosshair.hide();
    this.shapes.clear();
    this.picture.show(image.img, image);
    this.resized();
    this.scene.load(objects);
    this.tool.begin();
  }

  /** No image; words stand in its place. */
  clear() {
    this.dropGesture();
    this.tool.end();
    this.scene.load([]);
    this.image = null;
    this.picture.clear();
    this.shapes.clear();
    this.redraw();
  }

  /** @param {string} name of tools/index.js */
  setTools(name) {
    if (!(name in this.tools)) throw new Error(`There is no tool ${name}. There are: ${Object.keys(this.tools).join(", ")}.`);
    if (this.tools[name] === this.tool) return;
    if (this.tool) this.dropGesture();
    this.tool?.end();
    this.tool = this.tools[name];
    this.toolName = name;
    if (name !== "select") this.lastDrawing = name;
    this.stage.style.cursor = this.tool.cursor;
    if (this.image) this.tool.begin();
    this.onChoose(this.scene.chosenObjects, name);
    this.redraw();
  }

  /** The class of what is drawn next. @param {number} id */
  setCategory(id) {
    this.category = id;
    this.redraw();
  }

  /** A class was asked for by key or button: for what is chosen, where the tool in hand says so, else for what comes. */
  chooseClass(id) {
    if (this.tool.classChosen?.(id)) return;
    this.setCategory(id);
    this.say(this.spoken.say("class", { name: this.spoken.nameOf(id) }));
  }

  /** @param {import("./types.js").DrawnClass[]} classes in the order of their digits */
  setClasses(classes) {
    this.classes = new Map(classes.map((each) => [each.id, each]));
    this.spoken.names = new Map(classes.map(({ id, name }) => [id, name]));
    this.category ??= classes[0]?.id ?? null;
    this.recolour();
  }

  /** Copies of objects of another image, as one step. @param {object[]} objects */
  takeFrom(objects) {
    const whole = { x: 0, y: 0, width: this.image.width, height: this.image.height };
    // The image before may have been larger: what lies outside of this one stays there.
    const copies = objects.map((object) => ({ ...objectFrom(object), from: null, open: false })).filter(({ shape }) => meets(boundsOf(shape), whole));
    this.scene.step("take over", () => this.scene.choose(copies.map((object) => this.scene.add(object))));
    this.sayThat("taken_over", { n: copies.length });
  }

  /** For a page that hears keys itself. @param {KeyboardEvent} event @returns {boolean} true: it was for the board */
  key(event) {
    return this.image !== null && keyOn(this, event);
  }

  // ---- what tools ask

  say(text) {
    this.onSay(text);
  }

  /** @param {string} name of texts.js */
  sayThat(name, values) {
    this.say(this.spoken.say(name, values));
  }

  sayObject(name, object) {
    if (object) this.sayThat(name, { object: this.spoken.object(object, this.image) });
  }

  /** A pointer that is down draws nothing more: a step back, another tool or another image came in between. */
  dropGesture() {
    this.pointers?.stop();
    this.tool.cancel();
  }

  sayTool() {
    const name = `tool_${this.toolName}`;
    if (this.spoken.words.has(name)) this.sayThat("tool", { name: this.spoken.say(name) });
  }

  /** What is chosen, in words, and its place among the others. */
  sayChosen() {
    const [object, ...more] = this.scene.chosenObjects;
    if (!object) return this.sayThat("chosen_none");
    if (more.length) return this.sayThat("chosen_many", { n: more.length + 1 });
    const n = this.scene.objects.indexOf(object) + 1;
    this.sayThat("object_of", { n, total: this.scene.objects.length, object: this.spoken.object(object, this.image) });
  }

  // ---- what parts of the board tell each other

  /** Space came up: without a drag in between it sets a point. @param {KeyboardEvent | null} event null: the window lost the focus */
  spaceUp(event) {
    if (!this.isSpaceHeld) return;
    this.isSpaceHeld = false;
    this.stage.classList.remove("pans");
    if (!event || this.hasPanned || this.crosshair.press(event)) return;
    this.crosshair.show();
  }

  drawLoupe(context, at) {
    drawLoupe(context, this, at);
  }

  sceneChanged(what) {
    forgetGone(this.shown, this.scene.objects);
    this.shown = this.scene.objects;
    if (!this.image) return;
    if (what === "step" && isSemantic(this) && semanticOf(this).settle()) return; // that was another change
    const changed = this.grid.update(this.scene.objects);
    if (changed.length) this.shapes.damage(changed);
    else if (what !== "choose") this.shapes.anew(); // another order
    if (what === "choose") this.onChoose(this.scene.chosenObjects, this.toolName);
    else this.onChange(this.scene, what);
    this.redraw();
  }

  /**
   * A halo around what is chosen.
   * @param {Map<string, import("./types.js").Shape>} [shapes] as they are at the moment, by key @param {number[]} [by] image
   *   pixels that those are away: a shape of thousands of points in motion is drawn elsewhere, not made anew for each frame
   */
  drawChosen(context, shapes = new Map(), by = [0, 0]) {
    const seen = this.scene.chosenObjects.filter(({ hidden }) => !hidden);
    const look = ({ category }) => ({ colour: this.colourOf(category), scale: this.place.scale });
    const isAlone = seen.length === 1 && this.colours;
    for (const object of seen) {
      const [isNew, shape] = [shapes.has(object.key), shapes.get(object.key) ?? object.shape];
      context.save();
      if (isNew) context.translate(...(shape.mask ? by.map(Math.round) : by));
      paintChosen(context, shape, { ...look(object), isNew });
      if (isAlone) {
        const [surface, ink] = this.colours.slice(7);
        paintName(context, shape, { ...look(object), name: this.spoken.nameOf(object.category), surface, ink });
      }
      context.restore();
    }
  }

  drawActive(context) {
    this.tool.draw(context);
    this.crosshair.draw(context);
  }
}
