// The tools by name, as setTools(name) takes them in hand.

import { BoxTool } from "./box.js";
import { CutTool } from "./cut.js";
import { ExtremeTool } from "./extreme.js";
import { PolygonTool } from "./polygon.js";
import { SelectTool } from "./select.js";
import { VertexTool } from "./vertex.js";

/** @type {Object<string, new (board: import("../board.js").Board) => import("../types.js").ToolLike>} */
export const TOOLS = { select: SelectTool, box: BoxTool, extreme: ExtremeTool, polygon: PolygonTool, vertex: VertexTool, cut: CutTool };
