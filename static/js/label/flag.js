// The form for a question to the team about the image on screen, which stays there to be answered.

const $ = (id) => document.getElementById(id);

export class Flag {
  /**
   * @param {object} parts
   * @param {import("./questions.js").Questions} parts.questions
   * @param {import("./panes.js").Panes} parts.panes
   * @param {import("./words.js").Words} parts.words
   * @param {import("./session.js").Session} parts.session
   * @param {(text: string) => void} parts.announce
   */
  constructor({ questions, panes, words, session, announce }) {
    Object.assign(this, { questions, panes, words, session, announce });
    this.text = $("question-text");
    $("question").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send();
    });
    $("question").addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        panes.close();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat) {
        event.preventDefault();
        void this.send();
      }
    });
    this.text.addEventListener("input", () => this.say(""));
  }

  get current() {
    return this.session.queue.current?.image.id;
  }

  open() {
    const imageId = this.current;
    if (imageId === undefined) return false;
    this.imageId = imageId;
    this.text.value = this.questions.textFor(imageId);
    this.say(this.questions.waiting.has(imageId) ? "question_waits" : "");
    this.session.stopwatch.pause(); // writing is not looking
    this.panes.open("question", () => {
      this.questions.keepDraft(imageId, this.text.value);
      if (this.session.painted) this.session.stopwatch.resume();
    });
    this.text.focus({ preventScroll: true });
    return true;
  }

  async send() {
    const { imageId } = this;
    const text = this.text.value.trim();
    if (!text) return this.say("question_empty");
    this.say("question_sending");
    $("question-send").disabled = true;
    const error = await this.questions.ask(imageId, text);
    $("question-send").disabled = false;
    const isStillOpen = this.panes.name === "question" && this.imageId === imageId;
    if (!error) {
      if (isStillOpen) {
        this.text.value = ""; // nothing is left to be kept as a draft
        this.panes.close();
      }
      this.questions.drafts.delete(imageId);
      return this.announce(this.words.say("question_sent"));
    }
    if (isStillOpen) this.say(this.questions.waiting.has(imageId) ? "question_waits" : "", error.message);
  }

  say(name, text = "") {
    $("question-said").textContent = name ? this.words.say(name) : text;
  }

  /** On the button: this image has been asked about. */
  draw() {
    $("flag-text").textContent = this.words.say(this.questions.asked.has(this.current) ? "asked" : "ask");
  }
}
