// Sentences that must not be missed, above the image, until the person has dealt with them. Words only; view.js draws.

/**
 * @typedef {{text: string, image?: string, isQuiet?: boolean, actions: HTMLElement[]}} Notice
 *
 * @param {object} parts
 * @param {{person: {name: string}, login_url: string}} parts.config
 * @param {import("./words.js").Words} parts.words
 * @param {import("./view.js").View} parts.view
 * @param {import("./session.js").Session} parts.session
 * @param {import("./saver.js").Saver} parts.saver
 * @param {import("./keeper.js").Keeper} parts.keeper
 * @param {import("./questions.js").Questions} parts.questions
 * @param {(choice: import("./types.js").Choice, names: string[]) => string} parts.inWords
 */
export class Notices {
  constructor(parts) {
    Object.assign(this, parts);
    this.hasReadOfMemory = false;
  }

  /** @returns {Notice[]} */
  all() {
    const { saver, session, keeper, questions } = this;
    return [
      ...saver.refused.slice(0, 1).map((sending) => this.refusal(sending)), // one at a time: the image needs the room
      ...(session.trouble === "signed_out" ? [this.signedOut()] : []),
      ...[...questions.waiting].map(([imageId, { text }]) => this.question(imageId, text)),
      ...(keeper.works || this.hasReadOfMemory ? [] : [this.memoryOnly()]),
    ];
  }

  /** An answer, or the taking back of one, that the server will not have: which image, what and why. */
  refusal(sending) {
    const { words, view, session } = this;
    const { choice, names, claim } = sending.note;
    const text = words.say(sending.method === "PUT" ? "refused" : "undo_refused", {
      answer: this.inWords(choice, names),
      message: words.has(`refusal_${sending.error.code}`) ? words.say(`refusal_${sending.error.code}`) : sending.error.message,
    });
    const others = this.saver.refused.length - 1;
    const answered = session.history.find((other) => other.sending === sending);
    const show = view.button(words.say("show_image"), () => session.open(answered));
    const dismiss = view.button(words.say("dismiss"), () => session.dismiss(sending));
    const { thumbnail_url, strip_url, preview_url } = claim.image;
    const more = others ? ` ${words.count("refused_more", others)}` : "";
    return { text: text + more, image: thumbnail_url ?? strip_url ?? preview_url, actions: answered ? [show, dismiss] : [dismiss] };
  }

  /** A question to the team that has not arrived: it goes by itself when the server is there again. */
  question(imageId, text) {
    const { words, view, questions } = this;
    const now = view.button(words.say("try_now"), () => void questions.deliver(imageId));
    const drop = view.button(words.say("question_drop"), () => questions.drop(imageId));
    return { text: words.say("question_kept", { text: text.length > 60 ? `${text.slice(0, 60)}…` : text }), isQuiet: true, actions: [now, drop] };
  }

  signedOut() {
    return { text: this.words.say("signed_out"), actions: [this.logIn(this.words.say("log_in"))] };
  }

  /** Said once: this browser keeps nothing over a closed window. */
  memoryOnly() {
    const dismiss = () => {
      this.hasReadOfMemory = true;
      this.session.onChange("dismissed");
    };
    return { text: this.words.say("keeps_nothing"), isQuiet: true, actions: [this.view.button(this.words.say("dismiss"), dismiss)] };
  }

  logIn(text) {
    const { login_url: href } = this.config;
    return Object.assign(document.createElement("a"), { href, target: "_blank", rel: "noopener", className: "btn", textContent: text });
  }
}
