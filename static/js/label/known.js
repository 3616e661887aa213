// The objects that an example shows, as a line over its image. They come as one path in pixels of the image.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {{width?: number, height?: number, drawn?: string}} example
 * @param {"meet" | "slice"} fit how the image under it fills its frame: whole, or cut
 * @returns {SVGElement[]} nothing where nothing is drawn
 */
export function known({ width, height, drawn }, fit) {
  if (!drawn) return [];
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { class: "known", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: `xMidYMid ${fit}`, "aria-hidden": "true" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  for (const line of ["under", "line"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", line);
    path.setAttribute("d", drawn);
    svg.append(path);
  }
  return [svg];
}
