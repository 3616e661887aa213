// Keeps what the saver has under way in the outbox of this browser, and takes over what other tabs left there.
// Where the browser keeps nothing (some private windows, a full disk) labeling works all the same, in memory.

const LOOK_AGAIN_MS = 2_000;

export class Keeper {
  /**
   * @param {object} parts
   * @param {import("./outbox.js").Outbox} parts.outbox
   * @param {import("./tabs.js").Tabs} parts.tabs
   * @param {number} parts.person whose answers these are: no others are read, and none is sent for anybody else
   * @param {(entries: import("./types.js").Entry[]) => void} parts.onAdopted what tabs left that are gone
   * @param {() => void} parts.onChange
   * @param {{set: Function, clear: Function}} parts.timers
   */
  constructor({ outbox, tabs, person, onAdopted, onChange, timers }) {
    Object.assign(this, { outbox, tabs, person, onAdopted, onChange, timers });
    /** What other tabs of this person are about to send. @type {import("./types.js").Entry[]} */
    this.elsewhere = [];
    /** False until the outbox was read once: nothing can be called saved before. */
    this.isRead = false;
    this.works = true;
    this.looking = null;
    this.lookAgain = false;
    this.alarm = null;
  }

  /** Be a tab among tabs, and look for what others left. Never fails. */
  start() {
    this.arrived = this.tabs.arrive();
    return this.look();
  }

  leave() {
    this.timers.clear(this.alarm);
    this.tabs.leave();
  }

  /** Begin to write it down. Nobody waits for this: the next image comes first. */
  keep(sending) {
    sending.kept = "writing";
    sending.written = this.write(sending);
  }

  async write(sending) {
    try {
      await this.arrived; // or another tab would take it for the remains of one that is gone
      sending.seq = await this.outbox.add(entryOf(sending, { person: this.person, tab: this.tabs.name }));
      sending.kept = "yes";
      this.works = true;
      this.tabs.tell();
    } catch {
      sending.kept = "no";
      this.works = false;
      this.onChange();
    }
  }

  /** The server said yes, or the person has read its no. Left behind by mistake it is sent again, under the same key. */
  forget(sending) {
    return this.afterWriting(sending, () => this.outbox.remove(sending.key));
  }

  refuse(sending) {
    const { code = "", status = 0, message = "", fields = {} } = sending.error;
    return this.afterWriting(sending, () => this.outbox.refuse(sending.key, { code, status, message, fields }));
  }

  async afterWriting(sending, change) {
    await sending.written;
    if (sending.kept !== "yes") return;
    await change().catch(() => {});
    this.tabs.tell();
  }

  /** Read the outbox: what waits in other tabs, and what nobody cares for any more. One look at a time. */
  look() {
    this.lookAgain = Boolean(this.looking);
    this.looking ??= this.read().finally(() => {
      this.looking = null;
      if (this.lookAgain) void this.look();
    });
    return this.looking;
  }

  async read() {
    this.timers.clear(this.alarm);
    try {
      await this.arrived;
      // First the entries, then who is there: a tab that came in between has written none of these.
      const entries = (await this.outbox.all(this.person)).filter(({ tab }) => tab !== this.tabs.name);
      const names = [...new Set(entries.map(({ tab }) => tab))];
      this.elsewhere = entries.filter(({ state }) => state === "waiting"); // also while the roll is called
      if (names.length) this.onChange();
      const alive = names.length ? await this.tabs.alive(names) : new Set();
      const gone = new Set(names.filter((name) => !alive.has(name)));
      const adopted = gone.size ? await this.outbox.adopt(this.person, this.tabs.name, gone) : [];
      this.elsewhere = this.elsewhere.filter(({ tab }) => alive.has(tab));
      if (adopted.length) this.onAdopted(adopted);
    } catch {
      this.works = false;
    }
    this.isRead = true;
    // A tab that is killed says no good-bye.
    if (this.elsewhere.length) this.alarm = this.timers.set(() => void this.look(), LOOK_AGAIN_MS);
    this.onChange();
  }
}

/** What is written down: who said what about which image, and nothing of the image itself. */
export function entryOf({ imageId, method, body, key, undoes, note }, { person, tab }) {
  return { key, person, tab, imageId, method, body, undoes: undoes?.key ?? null, note, state: "waiting" };
}

/** For a saver without a browser around it: nothing is kept. */
export const KEEPS_NOTHING = { elsewhere: [], isRead: true, works: true, keep() {}, forget() {}, refuse() {} };
