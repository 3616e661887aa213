// What was clicked on, asked of the server until a worker has answered. No page here.

const PAUSE_MS = 80;
const PATIENCE_MS = 15_000;
const ENDED = new Set(["done", "failed", "cancelled"]);

const lessSureUrl = (imageId) => `/api/images/${imageId}/less-sure-objects/`;
const clickUrl = (imageId) => `/api/images/${imageId}/click-mask/`;

export class ClickedPixels {
  /** @param {{call: Function, now?: () => number, wait?: (ms: number) => Promise<void>}} parts */
  constructor({ call, now = () => Date.now(), wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }) {
    Object.assign(this, { call, now, wait });
  }

  /** What the model drew and was not sure enough of to show. @param {number} imageId @returns {Promise<object[]>} */
  async lessSure(imageId) {
    return (await this.call("GET", lessSureUrl(imageId))).objects;
  }

  /**
   * @param {number} imageId @param {{clicks: object[], window: number[] | null, category: number}} asked
   * @returns {Promise<{objects: object[], chosen: number}>} smaller ones first
   * @throws {Error} with a sentence for the person
   */
  async at(imageId, asked) {
    const until = this.now() + PATIENCE_MS;
    let answer = await this.call("POST", clickUrl(imageId), { body: asked });
    while (!ENDED.has(answer.state)) {
      if (this.now() > until) throw new Error("No worker has answered. Is one running?");
      await this.wait(PAUSE_MS);
      answer = await this.call("GET", `${clickUrl(imageId)}${answer.id}/`);
    }
    if (answer.state !== "done") throw new Error(answer.error?.message ?? "It could not be found out.");
    return answer;
  }
}
