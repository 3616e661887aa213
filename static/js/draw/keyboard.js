// Which key does what on the board: the tool in hand first, then what is chosen, then the view and the crosshair.

import { lookFor } from "../label/looks.js";
import { ARROWS } from "./tools/nudging.js";

const SIMPLE = { Delete: "remove", Backspace: "remove", h: "hide", l: "lock", "]": "up", "[": "down", n: "again", j: "join", v: "before", f: "fit" };
const FAR = { plain: 1, shift: 10, more: 50 }; // image pixels that the crosshair moves

/** @param {import("./board.js").Board} board */
export function listenToKeys(board) {
  const { stage } = board;
  stage.addEventListener("keydown", (event) => {
    if (!board.pageHears && event.target === stage && !event.defaultPrevented && board.key(event)) event.preventDefault();
  });
  addEventListener("keyup", (event) => event.key === " " && board.spaceUp(event));
  addEventListener("blur", () => board.spaceUp(null)); // the key may come up in another window
}

/** @param {import("./board.js").Board} board @param {KeyboardEvent} event @returns {boolean} true: it did something */
export function keyOn(board, event) {
  if (event.isComposing) return false;
  if (event.key === "Tab") return tab(board, event);
  board.mayLeave = false;
  const withControl = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.key === "Escape" && board.isDown) {
    board.dropGesture();
    board.sayThat("let_go");
    return true;
  }
  if (board.tool.key(event)) return true;
  if (withControl && !event.altKey && (key === "z" || key === "y")) {
    board.does[key === "y" || event.shiftKey ? "redo" : "undo"]();
    return true; // also with nothing to take back: never the browser's own undo
  }
  if (key in ARROWS) return moveCrosshair(board, event);
  if (withControl) return key === "d" && !event.altKey && board.does.duplicate();
  if (event.altKey) return false;
  if (key === "Escape") return escape(board);
  // The page gives the others away, as the person chose them; Space alone is the board's everywhere.
  if (board.pageHears) return key === " " && spaceDown(board, event);
  if (key in SIMPLE && !(event.repeat && key !== "[" && key !== "]") && board.does[SIMPLE[key]]() !== false) return true;
  if (key === "Backspace") return true; // one too many while drawing must not take back the answer before
  if (key === " ") return spaceDown(board, event);
  if (key === "Enter") return !event.repeat && board.crosshair.press(event);
  return digit(board, event) || look(board, event);
}

/** Past the last object the focus goes on, and after Escape at once: nobody is caught on the stage. */
function tab(board, event) {
  if (board.mayLeave || event.ctrlKey || event.altKey || event.target !== board.stage) return false;
  return board.does[event.shiftKey ? "previous" : "next"]();
}

function escape(board) {
  const held = board.does.letGo() || board.crosshair.hide();
  board.mayLeave = true;
  return held;
}

/** More than nine classes are the page's business: its finder has the digits then. */
function digit(board, { key, repeat }) {
  const place = "123456789".indexOf(key);
  if (place < 0 || repeat || board.classes.size > 9 || place >= board.classes.size) return false;
  board.chooseClass([...board.classes.keys()][place]);
  return true;
}

function look(board, event) {
  const found = lookFor(event);
  if (!found || found.kind === "pan") return false;
  const { crosshair, picture } = board;
  const by = found.kind === "zoom_in" ? 1.5 : 1 / 1.5;
  picture.zoom(by, crosshair.isShown ? crosshair.onStage() : (board.pointer ?? picture.middle));
  return true;
}

function moveCrosshair(board, event) {
  if (event.metaKey) return false;
  const far = event.shiftKey ? FAR.shift : event.ctrlKey || event.altKey ? FAR.more : FAR.plain;
  board.crosshair.moveBy(...ARROWS[event.key].map((way) => way * far), event);
  return true;
}

/** Space is held to pan; let go without a drag, it sets a point at the crosshair. */
function spaceDown(board, event) {
  if (!event.repeat) Object.assign(board, { isSpaceHeld: true, hasPanned: false });
  board.stage.classList.add("pans");
  return true;
}
