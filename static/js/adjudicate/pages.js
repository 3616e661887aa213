// Pages of other images, fetched and their image decoded before they are asked for. Knows addresses and #adj; decides nothing.

const PATIENCE_MS = 20_000;
const KEEP = 6;

/** What came is no page of an image: the person is logged out, or the server is in trouble. */
export class NotAPage extends Error {
  /** @param {Response} response */
  constructor(response) {
    super(`${response.url} answered ${response.status}`);
    this.name = "NotAPage";
    this.signedOut = new URL(response.url).pathname.startsWith("/login");
    this.status = response.status;
  }
}

/**
 * @typedef {object} Sheet a page that was fetched
 * @property {HTMLElement} adj its #adj, of this document already, so that its image loads
 * @property {Document} document the rest of it
 * @property {string} url
 * @property {boolean} refused it says why something was not done
 * @property {number} asked when it was asked for, in milliseconds of this page
 */

/** @returns {Promise<Sheet>} @throws {NotAPage | TypeError} */
export async function fetchSheet(url, init = {}) {
  const asked = performance.now();
  const response = await fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS), ...init });
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = parsed.getElementById("adj");
  if (!found) throw new NotAPage(response);
  return { adj: document.importNode(found, true), document: parsed, url: response.url, refused: !response.ok, asked };
}

/** Until its image can be drawn without waiting. One that does not load must not stop the way: it is shown as it is. */
export async function decoded(adj) {
  await adj.querySelector("#adj-image")?.decode().catch(() => {});
}

export class Pages {
  /** @type {Map<string, {sheet: Promise<Sheet>, ready: Sheet | null}>} */
  known = new Map();

  /** Start now unless it is under way. */
  prepare(url) {
    if (!url) return null;
    const there = this.known.get(url);
    if (there) return there;
    const entry = { sheet: null, ready: null };
    entry.sheet = fetchSheet(url).then(async (sheet) => {
      await decoded(sheet.adj);
      entry.ready = sheet;
      return sheet;
    });
    entry.sheet.catch(() => this.known.delete(url)); // whoever needs it asks again
    this.known.set(url, entry);
    for (const old of this.known.keys()) if (this.known.size > KEEP && old !== url) this.known.delete(old);
    return entry;
  }

  /** Once: what is shown belongs to the page from then on. */
  take(url) {
    const entry = this.prepare(url);
    this.known.delete(url);
    return entry;
  }

  /** What was fetched before something was decided counts wrongly. The old one serves until the new one is there. */
  refresh(url) {
    const old = url && this.known.get(url);
    if (!old) return void this.prepare(url);
    this.known.delete(url);
    const fresh = this.prepare(url);
    if (old.ready && !fresh.ready) fresh.ready = old.ready;
  }

  clear() {
    this.known.clear();
  }
}
