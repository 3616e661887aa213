// Fetch and decode the small images of a page before it is shown, and try again when the network fails.

const KEEP = 90; // the page, the one before and the next; thumbnails are small
const PAUSES_MS = [500, 1_500, 4_000, 10_000];

export class Thumbs {
  /** @param {() => void} onChange one became ready, or failed */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {Map<number, {img: HTMLImageElement, state: "loading" | "ready" | "failed", attempts: number, again?: () => void}>} */
    this.known = new Map();
  }

  /** Start unless it is under way. @param {import("./types.js").Tile} tile */
  prepare({ image }) {
    let entry = this.known.get(image.id);
    if (!entry) {
      entry = { img: new Image(), state: "loading", attempts: 0 };
      void this.load(image, entry);
    }
    this.known.delete(image.id); // to the end: the oldest are dropped first
    this.known.set(image.id, entry);
    for (const id of this.known.keys()) if (this.known.size > KEEP) this.known.delete(id);
    return entry;
  }

  async load(image, entry) {
    for (;;) {
      try {
        entry.img = new Image(); // a new one for each attempt: one that failed keeps its failure
        entry.img.draggable = false;
        entry.img.alt = image.name;
        entry.img.src = image.thumbnail_url;
        await entry.img.decode();
        entry.state = "ready";
        return this.onChange();
      } catch {
        entry.state = "failed";
        this.onChange();
        const pause = PAUSES_MS[Math.min(entry.attempts, PAUSES_MS.length - 1)];
        entry.attempts += 1;
        await new Promise((resolve) => {
          entry.again = resolve;
          setTimeout(resolve, pause);
        });
        if (this.known.get(image.id) !== entry) return;
      }
    }
  }

  /** The network is back: do not wait for the end of the pause. */
  wake() {
    for (const { again } of this.known.values()) again?.();
  }

  isReady(tile) {
    return this.known.get(tile.image.id)?.state === "ready";
  }
}
