// Talk to our own REST API: JSON both ways, CSRF token, errors in words.
// Knows no address and no meaning; who calls decides what may be tried again.

/** The server answered, and the answer is no. `message` is a sentence for the person. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {{code?: string, message?: string, fields?: Object<string, string[]>}} error
   * @param {number} retryAfter seconds; 0: not said
   */
  constructor(status, error, retryAfter = 0) {
    super(error.message || `The server answered ${status}.`);
    this.name = "Refused";
    this.status = status;
    this.code = error.code || "";
    this.fields = error.fields || {};
    /** Further members of the error, as docs/rest.md names them. */
    this.details = error;
    this.retryAfter = retryAfter;
  }
}

/** No answer came: no network, no server, or it took too long. Whether the request arrived is not known. */
export class Unreachable extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super("The server cannot be reached.", { cause });
    this.name = "Unreachable";
  }
}

const PATIENCE_MS = 20_000;

/**
 * @param {string} method
 * @param {string} url
 * @param {{body?: object, key?: string, keepalive?: boolean, person?: number}} [options] key: the Idempotency-Key
 *   of a write that may be sent again; keepalive: let it finish after the page is gone; person: refuse it when
 *   somebody else is logged in by now
 * @returns {Promise<any>} the parsed answer, null when it has no body
 * @throws {Refused | Unreachable}
 */
export async function call(method, url, { body, key, keepalive = false, person } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (person) headers["X-Labeler-Person"] = String(person);
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  const init = { method, headers, keepalive, credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (!keepalive) init.signal = AbortSignal.timeout(PATIENCE_MS);

  let response;
  let text;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (cause) {
    throw new Unreachable(cause);
  }
  const parsed = parse(text);
  if (response.ok) return parsed;
  throw new Refused(response.status, parsed?.error ?? {}, Number(response.headers.get("Retry-After")) || 0);
}

/** A proxy may answer in HTML; then there is no error object, and the status has to do. */
function parse(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The cookie first: logging in again in another tab changes it, and the page's own copy grows stale. */
export function csrfToken() {
  const cookie = /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie);
  return cookie ? decodeURIComponent(cookie[1]) : (document.querySelector('meta[name="csrf-token"]')?.content ?? "");
}
