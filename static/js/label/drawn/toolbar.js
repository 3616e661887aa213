// The tools beside the image: which one is in hand, and what can be taken back. One stop of Tab; arrows go on from there.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Toolbar {
  /** @param {HTMLElement} root with buttons data-does="tool_…" and others */
  constructor(root) {
    this.buttons = [...root.querySelectorAll("button")];
    this.stopAt(this.buttons[0]);
    root.addEventListener("keydown", (event) => this.walk(event));
    root.addEventListener("focusin", ({ target }) => this.stopAt(target));
  }

  stopAt(button) {
    for (const each of this.buttons) each.tabIndex = each === button ? 0 : -1;
  }

  walk(event) {
    const place = this.buttons.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (!step || place < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    this.buttons[(place + step + this.buttons.length) % this.buttons.length].focus();
    event.preventDefault();
  }

  /** @param {{tool: string, able: Object<string, boolean>}} now able: what the other buttons could do */
  draw({ tool, able }) {
    for (const button of this.buttons) {
      const { does } = button.dataset;
      if (does.startsWith("tool_")) button.setAttribute("aria-pressed", String(does === `tool_${tool}`));
      else if (does in able) button.setAttribute("aria-disabled", String(!able[does]));
    }
  }
}
