// The tools by name, as setTools(name) takes them in hand.

import { BoxTool } from "./box.js";
import { BrushTool, EraseTool } from "./brush.js";
import { ClickTool } from "./click.js";
import { CutTool } from "./cut.js";
import { Cut4Tool } from "./cut4.js";
import { ExtremeTool } from "./extreme.js";
import { FillTool } from "./fill.js";
import { PolygonTool } from "./polygon.js";
import { ScissorsTool } from "./scissors.js";
import { SelectTool } from "./select.js";
import { SuperpixelsTool } from "./superpixels.js";
import { VertexTool } from "./vertex.js";
import { WandTool } from "./wand.js";

/** @type {Object<string, new (board: import("../board.js").Board) => import("../types.js").ToolLike>} */
export const TOOLS = {
  ...{ select: SelectTool, box: BoxTool, extreme: ExtremeTool, polygon: PolygonTool, vertex: VertexTool, cut: CutTool },
  ...{ brush: BrushTool, erase: EraseTool, fill: FillTool, wand: WandTool },
  ...{ superpixels: SuperpixelsTool, scissors: ScissorsTool, cut4: Cut4Tool, click: ClickTool },
};
