// What stands in the place of the image while none can: which words, and what the person can do about it.

import { csrfToken } from "../api.js";
import { el } from "../dom.js";
import { panelFor } from "./standing.js";

export class Panels {
  /**
   * @param {object} parts
   * @param {{person: {name: string}, logout_url: string}} parts.config
   * @param {import("./words.js").Words} parts.words
   * @param {import("./view.js").View} parts.view
   * @param {import("./session.js").Session} parts.session
   * @param {import("./saver.js").Saver} parts.saver
   * @param {import("./notices.js").Notices} parts.notices
   * @param {() => void} parts.onTry
   */
  constructor(parts) {
    Object.assign(this, parts);
  }

  /**
   * @param {"none" | "loading" | "ready" | "failed"} image the one that is next
   * @returns {boolean} false: nothing stands in its way
   */
  draw(image) {
    const { session } = this;
    const { queue, feedTrouble, trouble, project } = session;
    const isLoading = Boolean(queue.loading) || queue.remaining === null;
    const hasClasses = project.categories.length > 0;
    const hasImages = project.images > 0 || session.done > 0;
    const name = panelFor({ hasClasses, hasImages, trouble, image, feedFailed: Boolean(feedTrouble), isPaused: feedTrouble?.code === "paused", isLoading });
    if (name) this.show(name, this[name]());
    this.said = name ? this.said : "";
    return name !== null;
  }

  show(name, panel) {
    this.view.state(name, panel);
    if (name === "loading" || this.said === panel.title) return;
    this.said = panel.title;
    this.view.announce(panel.title); // who does not see the screen would wait for an image
  }

  no_classes() {
    return { title: this.words.say("no_classes"), text: this.words.say("no_classes_more") };
  }

  /** The page itself has to learn how many there are by now. */
  no_images_yet() {
    const again = this.view.button(this.words.say("check_again"), () => location.reload());
    const { import_url: href } = this.config;
    // Whoever may bring some in is led there.
    const bring = href ? [el("a", { class: "btn pri", href }, this.words.say("import_images"))] : [];
    return { title: this.words.say("no_images_yet"), text: this.words.say("no_images_yet_more"), actions: [...bring, again] };
  }

  loading() {
    return { title: this.words.say("loading") };
  }

  failed() {
    return { title: this.words.say("image_failed"), text: this.words.say("image_failed_more") };
  }

  offline() {
    const { waiting } = this.saver;
    const kept = this.saver.atRisk ? "offline_in_memory" : "offline_kept";
    return {
      title: waiting ? this.words.say("offline_waiting", { n: waiting }) : this.words.say("offline"),
      text: this.words.say(waiting ? kept : "offline_more"),
      actions: [this.tryNow()],
    };
  }

  another_person() {
    const { words, saver, session, config } = this;
    const person = config.person.name;
    const other = [saver.error, session.feedTrouble].find((error) => error?.code === "another_person").details.signed_in_as;
    return {
      title: words.say("another_person", { other }),
      text: saver.waiting ? words.count("another_person_kept", saver.waiting, { person }) : words.say("another_person_more", { person }),
      actions: [
        this.switchPerson(words.say("log_in_as", { person })),
        this.view.button(words.say("go_on_as", { other }), () => location.reload()),
      ],
    };
  }

  /** In a new tab: this page, and what it keeps, stays until its own person is back. */
  switchPerson(text) {
    const token = el("input", { type: "hidden", name: "csrfmiddlewaretoken" });
    const form = el("form", { method: "post", action: this.config.logout_url, target: "_blank" }, token, el("button", { class: "btn", type: "submit" }, text));
    form.addEventListener("submit", () => (token.value = csrfToken())); // the newest: each login makes another
    return form;
  }

  trouble() {
    return { title: this.words.say("no_images"), text: this.session.feedTrouble.message, actions: [this.tryNow()] };
  }

  /** Nothing is wrong with the page, and nothing is lost; it looks again by itself. */
  paused() {
    const { words, view, config } = this;
    const ask = el("a", { class: "btn", href: config.threads_url }, words.say("paused_questions"));
    return { title: words.say("paused"), text: words.say("paused_more"), actions: [ask, view.button(words.say("check_again"), this.onTry)] };
  }

  finished() {
    const again = this.view.button(this.words.say("check_again"), this.onTry);
    return { title: this.words.say("finished"), text: this.words.say("finished_more"), actions: [again] };
  }

  tryNow() {
    return this.view.button(this.words.say("try_now"), this.onTry);
  }
}
