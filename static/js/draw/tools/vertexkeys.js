// The points of a polygon by keyboard: chosen by Page Up and Page Down, moved by arrows, added and deleted.

import { insertVertex, moveVertex, removeVertex, stepVertex, vertexOf } from "../vertices.js";
import { ARROWS } from "./nudging.js";
import { tidy } from "./tool.js";
import { ringsOf } from "../shapes.js";

const FAR = 10; // image pixels with Shift

/** @param {import("./vertex.js").VertexTool} tool @param {KeyboardEvent} event @returns {boolean} true: it was for the tool */
export function vertexKey(tool, event) {
  if (tool.hole) return holeKey(tool, event);
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "PageDown" || event.key === "PageUp") {
    tool.spot = stepVertex(tool.current, tool.spot, event.key === "PageDown" ? 1 : -1).spot;
    tool.saySpot();
    tool.board.redraw();
    return true;
  }
  if (!tool.spot || !ringsOf(tool.current)[tool.spot.ring]) return false;
  if (event.key in ARROWS) return nudge(tool, event);
  if (event.key === "Delete" || event.key === "Backspace") return remove(tool);
  if (event.key === "Insert") return insert(tool);
  if (event.key !== "Escape") return false;
  tool.spot = null;
  tool.board.redraw();
  return true;
}

function nudge(tool, event) {
  const { board, spot } = tool;
  const [dx, dy] = ARROWS[event.key].map((way) => way * (event.shiftKey ? FAR : 1));
  const { x, y } = vertexOf(tool.current, spot);
  const polygon = moveVertex(tool.current, spot, board.inside({ x: x + dx, y: y + dy }));
  tool.together.step("points", event.timeStamp, () => tool.put(polygon), `${spot.ring} ${spot.place}`);
  return true;
}

function remove(tool) {
  const polygon = removeVertex(tool.current, tool.spot);
  if (!polygon) return tool.board.does.remove(); // a triangle without a point is no polygon
  tool.spot = { ...tool.spot, place: Math.max(0, tool.spot.place - 1) };
  if (ringsOf(polygon).length < ringsOf(tool.current).length) tool.spot = null;
  tool.put(polygon);
  return true;
}

/** In the middle of the edge that follows. */
function insert(tool) {
  const { ring, place } = tool.spot;
  const points = ringsOf(tool.current)[ring];
  const [a, b] = [vertexOf(tool.current, tool.spot), vertexOf(tool.current, { ring, place: (place + 1) % (points.length / 2) })];
  const polygon = insertVertex(tool.current, tool.spot, { x: tidy((a.x + b.x) / 2), y: tidy((a.y + b.y) / 2) });
  tool.spot = { ring, place: place + 1 };
  tool.put(polygon);
  return true;
}

function holeKey(tool, event) {
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
  if (event.key === "Enter" && tool.hole.points.length >= 6) tool.addHole(tool.hole.points);
  else if (event.key === "Backspace" || isUndo) tool.hole.back();
  else if (event.key !== "Escape") return false;
  if (tool.hole && (event.key === "Escape" || !tool.hole.points.length)) {
    tool.hole = null;
    tool.board.sayThat("let_go");
  }
  tool.board.redraw();
  return true;
}
