// What the server has not confirmed yet, kept by the browser (IndexedDB) until it has: also over a reload, a closed tab
// and a killed browser. Knows the database; neither the network nor whose turn it is to send.

const NAME = "labeler-outbox";
export const STORE = "entries";
const PATIENCE_MS = 3_000; // some browsers never answer the question for a database

export class Outbox {
  /**
   * @param {object} [options]
   * @param {string} [options.name]
   * @param {boolean} [options.mustExist] do not make the database: where nobody labels there is nothing to keep
   * @param {IDBFactory} [options.factory] undefined where the browser has none
   */
  constructor({ name = NAME, mustExist = false, factory = globalThis.indexedDB } = {}) {
    Object.assign(this, { name, mustExist, factory });
    /** @type {Promise<IDBDatabase> | null} */
    this.opened = null;
  }

  /**
   * Put at the end. Resolves once it is on the disk, not merely with the system: laptops run out of battery.
   * @param {import("./types.js").Entry} entry
   * @returns {Promise<number>} its place in the order of all entries
   */
  add(entry) {
    return this.run("readwrite", (store) => store.add(entry), "strict");
  }

  /** All of one person, in the order in which they were made. @returns {Promise<import("./types.js").Entry[]>} */
  all(person) {
    return this.run("readonly", (store) => store.index("person").getAll(person));
  }

  remove(key) {
    return this.change(key, (cursor) => cursor.delete());
  }

  /** The server's final no, kept until the person has read it. */
  refuse(key, error) {
    return this.change(key, (cursor) => cursor.update({ ...cursor.value, state: "refused", error }));
  }

  change(key, how) {
    return this.run("readwrite", (store) => {
      const found = store.index("key").openCursor(key);
      found.onsuccess = () => found.result && how(found.result);
    });
  }

  /**
   * Take over what tabs left that are gone. In one transaction: of two tabs that try, one gets it.
   * @param {number} person
   * @param {string} heir the tab that will send it
   * @param {Set<string>} gone
   * @returns {Promise<import("./types.js").Entry[]>} what was taken over, in order
   */
  async adopt(person, heir, gone) {
    const adopted = [];
    await this.run("readwrite", (store) => {
      const found = store.index("person").openCursor(person);
      found.onsuccess = () => {
        const cursor = found.result;
        if (!cursor) return;
        if (gone.has(cursor.value.tab)) {
          const entry = { ...cursor.value, tab: heir };
          adopted.push(entry);
          cursor.update(entry);
        }
        cursor.continue();
      };
    });
    return adopted;
  }

  /** One transaction. Those of one tab run in the order in which they were asked for. */
  async run(mode, work, durability = "relaxed") {
    const transaction = await this.begin(mode, durability);
    return new Promise((resolve, reject) => {
      const request = work(transaction.objectStore(STORE));
      // An answer is committed without coming back to this page first: the tab may be closed this very moment.
      if (durability === "strict") transaction.commit?.();
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("The browser stopped writing."));
    });
  }

  async begin(mode, durability) {
    const database = await this.open();
    try {
      return database.transaction(STORE, mode, { durability });
    } catch {
      this.opened = null; // some browsers lose the connection while they sleep, and say so only now
      return (await this.open()).transaction(STORE, mode, { durability });
    }
  }

  async close() {
    (await this.opened)?.close();
    this.opened = null;
  }

  open() {
    this.opened ??= this.connect().then(
      (database) => {
        // Stored data were cleared, or a newer page wants another version: the next call opens anew.
        const close = () => (this.opened = null);
        Object.assign(database, { onclose: close, onversionchange: () => (database.close(), close()) });
        return database;
      },
      (error) => {
        this.opened = null;
        throw error;
      },
    );
    return this.opened;
  }

  /** @param {IDBDatabase} database a new one */
  build(database) {
    const store = database.createObjectStore(STORE, { keyPath: "seq", autoIncrement: true });
    store.createIndex("key", "key", { unique: true });
    store.createIndex("person", "person");
  }

  /** @returns {Promise<IDBDatabase>} */
  connect() {
    return new Promise((resolve, reject) => {
      if (!this.factory) throw new Error("This browser has no IndexedDB.");
      setTimeout(() => reject(new Error("IndexedDB does not answer.")), PATIENCE_MS);
      const request = this.factory.open(this.name, 1);
      request.onupgradeneeded = () => {
        if (this.mustExist) return request.transaction.abort();
        this.build(request.result);
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }
}
