// Which keys are the board's, before those that a person may change are looked at (../keys.js).

import { lookFor } from "../looks.js";

const STEERING = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Tab", " "]; // elsewhere they scroll and press

/**
 * @param {import("./drawing.js").Drawing} drawing
 * @param {KeyboardEvent} event @returns {boolean} true: it was the board's
 */
export function hear(drawing, event) {
  const { board, keys, session, scene } = drawing;
  if (!board.image || !session.painted) return false;
  const isOnStage = event.target === board.stage || event.target === document.body;
  const withControl = event.ctrlKey || event.metaKey;
  if (STEERING.includes(event.key) && !isOnStage) return false;
  if (event.key === "Enter") return !event.repeat && enter(drawing, event);
  const isCharacter = [...event.key].length === 1 && event.key !== " ";
  // Who switched single keys off means nothing by a character alone.
  if (isCharacter && !withControl && !keys.single && !event.altKey) return false;
  const look = lookFor(event);
  if (look && look.kind !== "pan" && event.altKey === keys.needsAlt("+")) {
    drawing.does[look.kind]();
    return true;
  }
  if (board.key(event)) return true;
  // Escape leaves an earlier answer as it was; not one that has been changed.
  return event.key === "Escape" && Boolean(session.editing) && scene.past.length > 0 && drawing.refusesToGoBack();
}

/** What is half drawn is finished first; then Enter is the page's: done. */
function enter({ board, scene }, event) {
  if (scene.openPolygon) return board.key(event) || board.crosshair.press(event);
  const { tool } = board;
  const isHalf = tool.isFirstSet || tool.points?.length > 0 || tool.clicks?.length > 0;
  return isHalf && (tool.key(event) || board.crosshair.press(event));
}
