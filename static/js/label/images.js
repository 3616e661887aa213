// Fetch and decode images before they are needed, and try again when the network fails.

const KEEP = 16; // decoded images hold their pixels: 1600 x 1200 are 8 MB each
const PAUSES_MS = [500, 1_500, 4_000, 10_000];

export class ImageStore {
  /** @param {() => void} onChange an image became ready, or failed */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {Map<number, {img: HTMLImageElement, state: "loading" | "ready" | "failed", attempts: number, again?: Function}>} */
    this.known = new Map();
  }

  /** Start now unless it is under way. Safe to call again. */
  prepare({ image }) {
    const known = this.known.get(image.id);
    if (known) {
      this.known.delete(image.id); // to the end: the oldest are dropped first
      this.known.set(image.id, known);
      return known;
    }
    const entry = { img: new Image(), state: "loading", attempts: 0 };
    this.known.set(image.id, entry);
    for (const id of this.known.keys()) if (this.known.size > KEEP && id !== image.id) this.known.delete(id);
    void this.load(image, entry);
    return entry;
  }

  async load(image, entry) {
    for (;;) {
      try {
        // A new element for each attempt: one that failed keeps its failure.
        entry.img = new Image(image.width, image.height);
        entry.img.draggable = false;
        entry.img.src = image.preview_url;
        await entry.img.decode();
        entry.state = "ready";
        this.onChange();
        return;
      } catch {
        // decode() says EncodingError for a lost network and for bad bytes alike: both are tried again.
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

  isReady(claim) {
    return this.known.get(claim.image.id)?.state === "ready";
  }
}
