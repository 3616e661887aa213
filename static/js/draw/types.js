// The shapes that pass between the modules of the drawing board (JSDoc only).

/**
 * Coordinates are floats in pixels of the upright image, on the edges of pixels: x from 0 to width, y from 0 to height.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 * @typedef {number[]} Ring [x1, y1, x2, y2, …]; the last point is joined to the first
 *
 * A polygon is one outer ring and its holes; several parts are one nesting more: [[outer, hole], [outer]].
 * A mask is a COCO run-length code (column-major) of its crop; offset: where the crop's top left lies.
 * @typedef {{box: [number, number, number, number]}} BoxShape x, y, width, height
 * @typedef {{polygon: Ring[] | Ring[][]}} PolygonShape
 * @typedef {{mask: {size: [number, number], counts: string, offset: [number, number]}}} MaskShape size: height, width
 * @typedef {BoxShape | PolygonShape | MaskShape} Shape never changed: another shape takes its place
 *
 * One object in the browser. It is never changed either, so that pictures of it and steps back can be kept by identity.
 * @typedef {object} DrawnObject
 * @property {string} key stays the same through all changes, of this page only
 * @property {number} category id of its class
 * @property {Shape} shape
 * @property {Object<string, unknown>} attributes answers to the questions about it
 * @property {number | null} from number of the object in the pre-label that it came from
 * @property {boolean} hidden @property {boolean} locked not to be chosen by a pointer, nor changed
 * @property {boolean} open still being drawn: kept in drafts, never sent
 *
 * @typedef {{id: number, width: number, height: number, img: HTMLImageElement, file_url?: string}} Picture
 *   img: the decoded preview; file_url: the full size, asked for when somebody looks closer; of a large image its tiles are, beside it
 * @typedef {{id: number, name: string, colour: number, shape: number}} DrawnClass colour 1..6 and marker shape 1..12
 *
 * What a tool is (tools/tool.js). `at` is in image pixels and may lie outside the image: board.inside(at) brings it in.
 * `event` is the PointerEvent; for the crosshair moved by keys, the KeyboardEvent.
 * @typedef {object} ToolLike
 * @property {() => void} begin the tool was taken in hand
 * @property {() => void} end another tool was; what is unfinished stays as an open object or is dropped
 * @property {(at: Point, event: Event) => void} down
 * @property {(at: Point, event: Event) => void} move hovering too (board.isDown says which). While something is down it is
 *   called for each coalesced event, so a stroke is as fine as the hardware gives it
 * @property {(at: Point, event: Event) => void} up
 * @property {() => void} cancel the gesture ended otherwise (second finger, pointercancel): as if `down` had never been
 * @property {(event: KeyboardEvent) => boolean} key true: it was for this tool
 * @property {(context: CanvasRenderingContext2D) => void} draw on the active layer; one unit is one image pixel, and
 *   board.px(n) is n CSS pixels
 * @property {(id: number) => boolean} [classChosen] a class was asked for; true: this tool used it for what is chosen
 * @property {string} cursor of CSS
 */

export {};
