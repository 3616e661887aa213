// Drafts in this browser (IndexedDB): one row for each person and image. Knows the database, not the server.

import { Outbox } from "../outbox.js";

const KEPT_MS = 7 * 24 * 3_600_000; // as long as the server keeps its copy

export class DraftStore extends Outbox {
  constructor(options) {
    super({ name: "labeler-drafts", ...options });
  }

  build(database) {
    database.createObjectStore("entries", { keyPath: "key" }).createIndex("person", "person");
  }

  /** @param {import("./types.js").Draft} draft */
  put(draft) {
    return this.run("readwrite", (store) => store.put(draft));
  }

  remove(key) {
    return this.run("readwrite", (store) => store.delete(key));
  }

  /** Of one person; what nobody has touched for a week is forgotten. @returns {Promise<import("./types.js").Draft[]>} */
  async all(person) {
    const found = await super.all(person);
    const isOld = ({ at }) => Date.now() - at > KEPT_MS;
    for (const { key } of found.filter(isOld)) await this.remove(key);
    return found.filter((draft) => !isOld(draft));
  }
}
