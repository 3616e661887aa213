// Which tabs of this browser are still there? Each is known by a name, and whoever wants to know asks for it.
// What a tab that is gone has not sent is sent by another one (keeper.js).

const LOCK = "labeler-tab:";
const CHANNEL = "labeler-tabs";
const ROLL_CALL_MS = 1_000; // a hidden tab answers later than one in front

export class Tabs {
  /**
   * @param {object} parts
   * @param {string} parts.name of this tab
   * @param {() => void} parts.onNews another tab wrote to the outbox, or is leaving
   * @param {LockManager} [parts.locks] undefined outside https and localhost: a laboratory's own server may have neither
   * @param {typeof BroadcastChannel} [parts.Channel]
   * @param {{set: Function}} parts.timers
   */
  constructor({ name, onNews, locks = globalThis.navigator?.locks, Channel = globalThis.BroadcastChannel, timers }) {
    Object.assign(this, { name, onNews, locks, Channel, timers });
    this.channel = null;
    this.letGo = () => {};
    /** Names that answered, while a roll is called. @type {Set<string>} */
    this.present = new Set();
  }

  /** From now on this tab counts as there, until it leaves or is killed. */
  async arrive() {
    if (this.Channel && !this.channel) {
      this.channel = new this.Channel(CHANNEL);
      this.channel.onmessage = ({ data }) => this.hear(data);
    }
    if (!this.locks) return;
    await new Promise((held) => {
      // Held for as long as the promise is open; the browser itself lets go of it when the tab ends, however it ends.
      const holding = this.locks.request(LOCK + this.name, () => (held(), new Promise((end) => (this.letGo = end))));
      holding.catch(() => {
        this.locks = undefined; // not allowed here: the roll call will do
        held();
      });
    });
  }

  leave() {
    this.letGo();
    this.tell();
    this.channel?.close();
    this.channel = null;
  }

  /** The outbox has changed. */
  tell() {
    this.channel?.postMessage({ news: true });
  }

  /**
   * @param {string[]} names
   * @returns {Promise<Set<string>>} those of them that are there
   */
  async alive(names) {
    const there = this.locks ? await this.lockHolders() : await this.callRoll(names);
    return new Set(names.filter((name) => there.has(name)));
  }

  async lockHolders() {
    const { held = [] } = await this.locks.query();
    return new Set(held.map(({ name }) => name.slice(LOCK.length)));
  }

  async callRoll(names) {
    this.present.clear();
    this.channel?.postMessage({ whoIsThere: true });
    await new Promise((resolve) => {
      this.everybodyIsHere = () => names.every((name) => this.present.has(name)) && resolve();
      this.timers.set(resolve, this.channel ? ROLL_CALL_MS : 0);
    });
    return new Set(this.present);
  }

  hear({ news, whoIsThere, here }) {
    if (whoIsThere) this.channel?.postMessage({ here: this.name });
    if (here) {
      this.present.add(here);
      this.everybodyIsHere?.();
    }
    if (news) this.onNews();
  }
}
